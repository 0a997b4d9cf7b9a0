/**
 * What the model would say next at the shown position: the most probable tokens with their shares, and which of them are measured.
 */
import { useEffect, useMemo, useRef } from "preact/hooks";
import { percentText, signedFixed } from "../paint/numbers";
import { Attempts, Failure } from "../panels/attempt";
import { Panel } from "../panels/panel";
import { tokenParts } from "../tokens";
import { answerWords } from "./changes-words";
import { asking, type Role, tokenId } from "./next-ask";
import { type Guess, NextModel } from "./next-model";
import { useStage } from "./ui";
import { tokenLabel, tokenQuote } from "./words";

const SHOWN = 5;
const ROLES: Role[] = ["target", "foil"];

const width = (share: number): string => `${Math.max(0, Math.min(1, share)) * 100}%`;

/** A difference of shares, in points of a hundred. */
const points = (difference: number): string => `${signedFixed(difference * 100, 1)}%`;

interface RowProps {
  guess: Guess;
  isDifference: boolean;
  /** What it was compared with, in words; empty where there is nothing to compare with. */
  was: string;
  roles: Record<Role, boolean> | null;
  ask: (role: Role) => void;
}

function Row({ guess, isDifference, was, roles, ask }: RowProps) {
  const label = tokenLabel(guess.text);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the buttons at its end do the same
    <li
      data-asks={roles === null ? undefined : ""}
      title={was || undefined}
      onMouseDown={(event) => event.shiftKey && event.preventDefault()} // no text is selected by a shift-click
      onClick={(event) => roles !== null && ask(event.shiftKey ? "foil" : "target")}
    >
      <span class="token" title={guess.text}>
        {tokenParts(guess.text).map((part, j) => (part.kind === "text" ? part.shown : <i key={j}>{part.shown}</i>))}
      </span>
      <span class="bar" aria-hidden="true">
        {isDifference ? <Lean by={guess.share} /> : <b style={{ width: width(guess.share) }} />}
        {guess.was !== null && <u style={{ left: width(guess.was) }} />}
      </span>
      <span class="share">
        {isDifference ? points(guess.share) : percentText(guess.share)}
        {was && <span class="unseen"> {was}</span>}
      </span>
      <span class="pills">
        {roles !== null &&
          ROLES.map((role) => (
            <button
              key={role}
              type="button"
              class={`pill ${role}`}
              aria-pressed={roles[role]}
              aria-label={`measure ${label} as the ${role}`}
              onClick={(event) => {
                event.stopPropagation();
                ask(role);
              }}
            >
              {role}
            </button>
          ))}
      </span>
    </li>
  );
}

/** From the middle to the left what was lost, to the right what was gained. */
function Lean({ by }: { by: number }) {
  const half = `${Math.min(1, Math.abs(by)) * 50}%`;
  return (
    <>
      <b style={{ width: half, marginLeft: by < 0 ? `calc(50% - ${half})` : "50%" }} />
      <u style={{ left: "50%" }} />
    </>
  );
}

export function NextPanel() {
  const stage = useStage();
  const model = useMemo(() => new NextModel(stage), [stage]);
  const attempts = useMemo(() => new Attempts(), [stage]);
  const turn = useRef(0);
  useEffect(() => () => model.wanted.dispose(), [model]);
  const position = model.position.value;
  const after = position === null ? "" : `after ${tokenQuote(stage.tokens.value.texts[position])}`;
  const { epoch, position: at, compared, rows } = model.guesses.value;
  const metric = stage.metric.value;
  const which = stage.run.value?.shown.which ?? "clean";
  const isDifference = which === "prompts" || which.endsWith("difference");
  // The metric stands at a position of the first prompt.
  const canAsk = which !== "prompts" && !which.startsWith("second");
  const was = (guess: Guess) =>
    !compared ? "" : guess.was === null ? "not among the clean run's first" : `clean run ${percentText(guess.was)}`;

  const ask = (guess: Guess, role: Role) => {
    const mine = ++turn.current;
    attempts.try(async () => {
      const id = await tokenId(stage, epoch, at, guess.rank);
      const asked = asking(stage.metric.peek(), id, role, at);
      if (mine === turn.current && asked !== null) await stage.ask(asked);
    });
  };
  return (
    <Panel
      name="next"
      title="Next token"
      field={model.field.value}
      head={<span class="dim">{after}</span>}
      waiting={model.wanted.waiting}
      error={model.wanted.error}
      retry={model.wanted.retry}
      empty={model.field.value ? null : "This run has no output to read next tokens from."}
      table={() => ({
        caption: `next token ${after}`,
        columns: [isDifference ? "difference" : "share", ...(compared ? ["clean run"] : [])],
        rows: rows.map((guess) => ({
          name: tokenLabel(guess.text),
          cells: [
            isDifference ? points(guess.share) : percentText(guess.share),
            ...(compared ? [guess.was === null ? "–" : percentText(guess.was)] : []),
          ],
        })),
      })}
    >
      <ol class="guesses">
        {rows.slice(0, SHOWN).map((guess) => (
          <Row
            key={guess.rank}
            guess={guess}
            isDifference={isDifference}
            was={was(guess)}
            roles={
              canAsk
                ? {
                    target: metric?.position === at && metric.target.text === guess.text,
                    foil: metric?.position === at && metric.foil?.text === guess.text,
                  }
                : null
            }
            ask={(role) => ask(guess, role)}
          />
        ))}
      </ol>
      <Measured />
      <Failure of={attempts.refused.value} />
    </Panel>
  );
}

/** The metric in one line: what, where, how much, and whether anybody chose it. */
function Measured() {
  const stage = useStage();
  const metric = stage.metric.value;
  const run = stage.run.value;
  if (metric === null || run === null) return null;
  const { which } = run.shown;
  const place = which.startsWith("second")
    ? `position ${metric.position}`
    : tokenQuote(stage.tokens.value.texts[metric.position]);
  return (
    <p class="measured">
      {`measured: ${answerWords(metric, run.shown, ` at ${place}`)}${metric.proposed ? " (proposed)" : ""}`}
    </p>
  );
}
