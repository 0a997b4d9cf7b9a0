"""The word lists that the templates draw from.

Every word is written once, in lower case unless it is a name, and becomes a single token with and
without its leading space (the tokenizer maker asserts it). Names in `HELD_OUT_NAMES` never stand in an
indirect-object sentence of the training corpus, though they do in stories and pronoun sentences.
"""

from __future__ import annotations

WOMEN = """Mary Anna Sarah Emma Laura Julia Alice Helen Clara Nora Ruth Lucy Eva Marta Irene Paula Diana Sofia
Elena Carla Judith Hannah Leah Rachel Esther Martha Jane Susan Karen Linda Nancy Betty Carol Donna Sandra Sharon
Cynthia Kathleen Amy Angela Brenda Pamela Nicole Katherine Virginia Maria Julie Joyce Victoria Kelly Christina
Lauren Olivia Amelia Ingrid Astrid Priya Yuki Fatima Zoe""".split()

MEN = """John Tom James Peter Paul David Robert Michael Daniel Simon Adam Oscar Henry George Edward Charles Arthur
Walter Victor Martin Philip Andrew Thomas Stephen Kevin Brian Gary Eric Jacob Larry Scott Gregory Samuel Patrick
Alexander Dennis Jerry Tyler Aaron Jose Nathan Douglas Zachary Kyle Noah Ethan Jeremy Keith Roger Terry Sean Carl
Lawrence Jesse Dylan Bryan Louis Omar Kenji Ravi""".split()

NAMES = WOMEN + MEN
HELD_OUT_NAMES = WOMEN[-10:] + MEN[-10:]
KNOWN_NAMES = WOMEN[:-10] + MEN[:-10]

PLACES = """store park school garden market library station museum beach office kitchen hospital church farm cafe
restaurant theater harbor bakery castle village forest lake river bridge hotel airport gym pool shop""".split()

THINGS = """drink book ball ring letter flower basket bottle kiss snack computer bone necklace key box cup coat hat
lamp map knife spoon plate chair table clock camera guitar drum bell apple orange egg cake ticket coin card
photo pencil pen stamp towel blanket candle mirror brush rope hammer ladder wallet umbrella shirt scarf glove boot
phone radio kite doll puzzle sandwich cookie lemon peach melon carrot onion potato pie""".split()

ANIMALS = """dog cat horse cow sheep pig goat duck hen bear lion tiger wolf fox rabbit mouse frog bird fish snake
monkey elephant owl eagle turtle""".split()

COLOURS = "red blue green yellow black white brown pink purple gray golden silver".split()

# (singular, plural): subjects and distractors of the agreement sentences.
NOUNS = [
    pair.split("/")
    for pair in """key/keys cabinet/cabinets dog/dogs cat/cats book/books door/doors
window/windows car/cars boat/boats picture/pictures letter/letters box/boxes chair/chairs table/tables tree/trees
flower/flowers house/houses street/streets teacher/teachers student/students doctor/doctors farmer/farmers
child/children man/men woman/women mouse/mice lamp/lamps clock/clocks bottle/bottles basket/baskets bridge/bridges
tower/towers garden/gardens horse/horses bird/birds shop/shops king/kings soldier/soldiers painter/painters
singer/singers ship/ships road/roads wall/walls stone/stones river/rivers mountain/mountains island/islands
village/villages city/cities baby/babies""".split()
]

PREPOSITIONS = """to near behind beside above below under with from by on in""".split()

STATES = """old new clean dirty small large heavy light quiet loud strange famous broken ready empty full beautiful
ugly cheap red blue green black white warm cold dark bright safe lost""".split()

GOOD = "wonderful great lovely brilliant charming excellent amazing funny delightful superb clever touching".split()
BAD = "terrible awful boring dull horrible stupid dreadful poor painful silly lazy tedious".split()
SHOWN = "film movie play show book song concert story".split()

FEELINGS = "tired happy sad hungry late sick busy scared cold lonely proud bored angry thirsty calm".split()
EVENTS = """war battle trial voyage siege strike famine project festival journey reign dispute study expedition
plague drought campaign building""".split()
TRAITS = "little big brave kind clever old young lazy quiet hungry".split()
