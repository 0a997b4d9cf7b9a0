/**
 * A second prompt beside the first: which token stands for which, what differs, and which of the runs is shown.
 *
 * Hovering a token previews it as the query, with its partner; a click chooses it, and a click on a token of the other prompt then joins
 * the two, or parts them where they are a pair. The alignment is the kernel's: it comes back when it was taken.
 */
import { effect, type Signal, useSignal } from "@preact/signals";
import { useEffect, useId, useMemo, useRef } from "preact/hooks";
import { focusWhenPressed, onKeys, stepped } from "../../keyboard";
import { Attempts, Failure } from "../../panels/attempt";
import { Switch } from "../../panels/menu";
import { Panel } from "../../panels/panel";
import type { Table } from "../../panels/table";
import type { Compared, Which } from "../../protocol";
import type { Stage } from "../../stage";
import { kindAt } from "../../tokens";
import { preview } from "../preview";
import { sharedKeys } from "../shared-keys";
import { useUi } from "../ui";
import { tokenLabel, tokenQuote } from "../words";
import { SecondLine } from "./compare-line";
import { alignmentWords, columnsOf, type Pair, parted, partnerOf, type Side, toggled } from "./compare-pairs";
import { PairedText, type Place } from "./compare-text";
import { promptShown, type Tokens, tokensOf } from "./prompt-tokens";

const RUNS: Which[] = ["clean", "second", "prompts"];

const sideShown = (stage: Stage): Side => (promptShown(stage.run.value) === "second" ? 1 : 0);

const bothPrompts = (stage: Stage): [Tokens, Tokens] => [tokensOf(stage, "first"), tokensOf(stage, "second")];

function compareTable(stage: Stage, [first, second]: [Tokens, Tokens], pairs: Pair[]): Table {
  const columns = columnsOf(pairs, [first.total, second.total]);
  const side = sideShown(stage);
  const at = columns.findIndex((column) => column.at[side] === stage.selection.pinned.query.value);
  const start = Math.max(0, Math.min(at - 32, columns.length - 64));
  const cell = ({ texts, kinds }: Tokens, position: number | null) =>
    position === null ? "–" : `${position} ${tokenLabel(texts[position], kindAt(kinds, position))}`;
  return {
    caption: "tokens of the first and the second prompt that stand for each other",
    columns: ["second", ""],
    rows: columns.slice(start, start + 64).map(({ at: [i, j] }) => ({
      name: cell(first, i),
      cells: [
        cell(second, j),
        i === null || j === null ? "unaligned" : first.texts[i] === second.texts[j] ? "same" : "differs",
      ],
    })),
    totalRows: columns.length,
  };
}

export function ComparePanel() {
  const { stage } = useUi();
  const compared = stage.compared.value;
  const attempts = useMemo(() => new Attempts(), [stage]);
  const chosen = useSignal<Place | null>(null);
  if (compared === null) return null;
  const { which, options } = stage.showing.value;
  const tokens = bothPrompts(stage);
  const offered = options.filter((option) => RUNS.includes(option.which));
  const align = (pairs: Pair[] | null) => attempts.try(() => stage.align(pairs));
  return (
    <Panel
      name="compare"
      title="Compare"
      field={undefined}
      head={
        <>
          {offered.length > 1 && (
            <Switch
              label="which prompt is shown"
              options={offered.map((option) => option.which)}
              words={(one) => offered.find((option) => option.which === one)?.label ?? one}
              chosen={which}
              choose={(one) => attempts.try(() => stage.show(one))}
            />
          )}
          <span class="dim">{alignmentWords(compared, [tokens[0].total, tokens[1].total])}</span>
          {compared.how === "hand" && (
            <button type="button" class="plain small" onClick={() => align(null)}>
              propose again
            </button>
          )}
        </>
      }
      note={<span>{chosenWords(chosen.value, tokens)}</span>}
      table={() => compareTable(stage, bothPrompts(stage), compared.pairs)}
    >
      <SecondLine
        known={compared.prompt}
        closeWords="close the comparison"
        close={() => attempts.try(() => stage.compare(null))}
      />
      <Pairs compared={compared} tokens={tokens} chosen={chosen} align={align} />
      {compared.problem && (
        <p class="outcome">
          <span class="mark" aria-hidden="true">
            !
          </span>
          <span>{compared.problem}</span>
        </p>
      )}
      <Failure of={attempts.refused.value} />
    </Panel>
  );
}

function chosenWords(chosen: Place | null, tokens: [Tokens, Tokens]): string {
  if (chosen === null)
    return "Tokens of one column stand for each other. Click one, then one of the other prompt, to join or part them.";
  const other = chosen.side === 0 ? "second" : "first";
  const quote = tokenQuote(tokens[chosen.side].texts[chosen.position]);
  return `${quote} is chosen: a token of the ${other} prompt is joined with it, or parted from it. Escape lets go.`;
}

interface PairsProps {
  compared: Compared;
  tokens: [Tokens, Tokens];
  chosen: Signal<Place | null>;
  align: (pairs: Pair[]) => void;
}

function Pairs({ compared, tokens, chosen, align }: PairsProps) {
  const ui = useUi();
  const { stage } = ui;
  const { selection } = stage;
  const { pairs } = compared;
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const optionId = ({ side, position }: Place) => `${id}-${side}-${position}`;
  const text = useRef<PairedText | null>(null);
  const shown = sideShown(stage);
  const active = useSignal<Place>({ side: shown, position: selection.pinned.query.peek() ?? 0 });

  /** A place of the shown prompt and what stands for it in the other. */
  const both = (position: number | null): (Place | null)[] => {
    if (position === null) return [];
    const partner = partnerOf(pairs, shown, position);
    const side = (1 - shown) as Side;
    return [{ side: shown, position }, partner === null ? null : { side, position: partner }];
  };
  /** Where a token is in the shown prompt. */
  const seen = ({ side, position }: Place) => (side === shown ? position : partnerOf(pairs, side, position));

  useEffect(() => {
    text.current ??= new PairedText(box.current!, optionId);
    text.current.setTokens(tokens, pairs);
    // After the tokens, so that marks are laid on what is there now.
    return effect(() => {
      const { query } = selection.pinned;
      const over = selection.shown.query.value;
      text.current?.mark("query", both(query.value));
      text.current?.mark("hover", over === query.value ? [] : both(over));
      text.current?.mark("chosen", [chosen.value]);
      text.current?.mark("active", [active.value]);
    });
  });
  useEffect(
    () =>
      selection.pinned.query.subscribe((position) => {
        if (position !== null) text.current?.reveal({ side: sideShown(stage), position });
      }),
    [],
  );

  const pick = (place: Place) => {
    const now = chosen.value;
    if (now === null || now.side === place.side) {
      chosen.value = now?.position === place.position && now.side === place.side ? null : place;
      return;
    }
    chosen.value = null;
    align(toggled(pairs, now.side === 0 ? [now.position, place.position] : [place.position, now.position]));
  };
  const go = (place: Place) => {
    active.value = place;
    const query = seen(place);
    if (query !== null) selection.pin({ query });
    text.current?.reveal(place);
  };
  const walk = (by: number) => () => {
    const { side, position } = active.value;
    go({ side, position: stepped(position, by, 0, tokens[side].total - 1) });
  };
  const cross = (side: Side) => () => {
    const now = active.value;
    if (now.side === side) return;
    const position = partnerOf(pairs, now.side, now.position) ?? Math.min(now.position, tokens[side].total - 1);
    go({ side, position });
  };
  const part = () => {
    const { side, position } = active.value;
    const other = partnerOf(pairs, side, position);
    if (other !== null) align(parted(pairs, side === 0 ? [position, other] : [other, position]));
  };
  const shared = sharedKeys(ui);

  return (
    <div
      ref={box}
      class="pairs"
      role="listbox"
      tabIndex={0}
      aria-label="tokens of both prompts; left and right walk, up and down change the prompt, Enter chooses and joins, Delete parts"
      aria-activedescendant={optionId(active.value)}
      onKeyDown={onKeys({
        ...shared,
        ArrowLeft: walk(-1),
        ArrowRight: walk(1),
        ArrowUp: cross(0),
        ArrowDown: cross(1),
        Home: walk(Number.NEGATIVE_INFINITY),
        End: walk(Number.POSITIVE_INFINITY),
        Enter: () => pick(active.value),
        " ": () => pick(active.value),
        Delete: part,
        Backspace: part,
        Escape: (event) => {
          if (chosen.value === null) return shared.Escape?.(event);
          chosen.value = null;
        },
      })}
      onPointerOver={(event) => {
        const under = PairedText.under(event);
        const query = under === null ? null : seen(Array.isArray(under) ? { side: 0, position: under[0] } : under);
        preview(selection, query === null ? {} : { query });
      }}
      onPointerLeave={() => preview(selection, {})}
      onMouseDown={focusWhenPressed.onMouseDown}
      onClick={(event) => {
        focusWhenPressed.onClick(event);
        const under = PairedText.under(event);
        if (under === null) return;
        if (Array.isArray(under)) return align(parted(pairs, under));
        go(under);
        pick(under);
      }}
    />
  );
}
