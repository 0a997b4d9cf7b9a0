"""Twelve relations between words, each a list of pairs.

They are asked in two forms: arrows (`knowledge.few_shot`) and sentences (`knowledge.fact`). Some first
words stand in several relations on purpose ("hot" has an opposite and a comparative), so that only the
arrows before tell which is meant. Pairs in `SENTENCE_ONLY` never stand in arrow form: how badly those are
answered in arrows is one of the figures of the report.
"""

from __future__ import annotations


def _pairs(text: str) -> list[tuple[str, str]]:
    return [tuple(item.split("/")) for item in text.split()]  # type: ignore[misc]


RELATIONS: dict[str, list[tuple[str, str]]] = {
    "opposite": _pairs("""hot/cold big/small up/down fast/slow old/new happy/sad light/dark rich/poor hard/soft
        wet/dry high/low long/short full/empty open/closed early/late near/far left/right day/night black/white
        good/bad strong/weak young/aged clean/dirty loud/quiet thick/thin wide/narrow sweet/sour win/lose
        buy/sell in/out over/under front/back first/last love/hate push/pull start/stop"""),
    "plural": _pairs("""dog/dogs cat/cats book/books key/keys tree/trees house/houses car/cars child/children
        man/men woman/women mouse/mice foot/feet tooth/teeth goose/geese city/cities baby/babies box/boxes
        horse/horses bird/birds chair/chairs table/tables door/doors king/kings river/rivers ship/ships
        flower/flowers letter/letters teacher/teachers"""),
    "past": _pairs("""go/went see/saw eat/ate run/ran take/took give/gave make/made come/came know/knew find/found
        think/thought bring/brought write/wrote sing/sang drive/drove fly/flew sleep/slept swim/swam win/won
        lose/lost buy/bought sell/sold speak/spoke walk/walked talk/talked jump/jumped start/started stop/stopped"""),
    "capital": _pairs("""France/Paris Italy/Rome Spain/Madrid Germany/Berlin England/London Russia/Moscow Japan/Tokyo
        China/Beijing Egypt/Cairo Greece/Athens Austria/Vienna Poland/Warsaw Portugal/Lisbon Ireland/Dublin
        Norway/Oslo Sweden/Stockholm Finland/Helsinki Denmark/Copenhagen Hungary/Budapest Turkey/Ankara Iran/Tehran
        Iraq/Baghdad Kenya/Nairobi Peru/Lima Chile/Santiago Cuba/Havana Canada/Ottawa Thailand/Bangkok
        Lebanon/Beirut Syria/Damascus Ukraine/Kiev Belgium/Brussels"""),
    "language": _pairs("""France/French Italy/Italian Spain/Spanish Germany/German England/English Russia/Russian
        Japan/Japanese China/Chinese Egypt/Arabic Greece/Greek Poland/Polish Portugal/Portuguese Norway/Norwegian
        Sweden/Swedish Finland/Finnish Denmark/Danish Hungary/Hungarian Turkey/Turkish Iran/Persian Kenya/Swahili
        Thailand/Thai Cuba/Spanish Chile/Spanish Austria/German"""),
    "young": _pairs("""dog/puppy cat/kitten cow/calf sheep/lamb horse/foal duck/duckling hen/chick bear/cub goose/gosling
        frog/tadpole pig/piglet owl/owlet eagle/eaglet goat/kid swan/cygnet deer/fawn"""),
    "feminine": _pairs("""king/queen man/woman boy/girl father/mother brother/sister son/daughter uncle/aunt
        husband/wife prince/princess actor/actress he/she his/her waiter/waitress hero/heroine nephew/niece"""),
    "comparative": _pairs("""hot/hotter big/bigger small/smaller fast/faster slow/slower old/older new/newer
        high/higher low/lower long/longer short/shorter cold/colder strong/stronger weak/weaker young/younger
        rich/richer hard/harder soft/softer thick/thicker thin/thinner wide/wider sweet/sweeter loud/louder"""),
    "digit": _pairs("""zero/0 one/1 two/2 three/3 four/4 five/5 six/6 seven/7 eight/8 nine/9 ten/10 eleven/11 twelve/12"""),
    "next": _pairs("""one/two two/three three/four four/five five/six six/seven seven/eight eight/nine nine/ten
        ten/eleven eleven/twelve Monday/Tuesday Tuesday/Wednesday Wednesday/Thursday Thursday/Friday Friday/Saturday
        Saturday/Sunday Sunday/Monday January/February February/March March/April April/May May/June June/July
        July/August August/September September/October October/November November/December December/January"""),
    "home": _pairs("""bird/nest bee/hive dog/kennel fish/water horse/stable lion/den king/palace farmer/farm
        priest/church nurse/hospital teacher/school baker/bakery sailor/ship soldier/camp spider/web cow/barn"""),
    "maker": _pairs("""bread/baker milk/cow honey/bee shoe/cobbler wool/sheep egg/hen song/singer picture/painter
        book/writer chair/carpenter coat/tailor meal/cook web/spider ring/jeweler law/judge poem/poet"""),
}

SENTENCE_ONLY: dict[str, list[tuple[str, str]]] = {
    "capital": _pairs("Cuba/Havana Kenya/Nairobi Norway/Oslo Poland/Warsaw Belgium/Brussels"),
    "language": _pairs("Greece/Greek Sweden/Swedish Thailand/Thai"),
    "young": _pairs("pig/piglet deer/fawn bear/cub"),
}

# How a relation is said in a sentence; {a} is asked about, the answer follows at once.
SENTENCES: dict[str, tuple[str, ...]] = {
    "capital": ("The capital of {a} is", "The capital city of {a} is called", "The king of {a} lives in"),
    "language": ("People in {a} speak", "The language of {a} is"),
    "young": ("A young {a} is called a", "The mother {a} looked at the little"),
    "opposite": ("The opposite of {a} is",),
    "feminine": ("The female word for {a} is",),
}


def arrow_pairs(relation: str) -> list[tuple[str, str]]:
    """The pairs of a relation that may stand in arrow form while training."""
    kept_out = set(SENTENCE_ONLY.get(relation, ()))
    return [pair for pair in RELATIONS[relation] if pair not in kept_out]
