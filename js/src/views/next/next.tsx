/**
 * What the model would say next at the shown position: the most probable tokens with their shares, and which of them are measured.
 *
 * What is measured always has a row: a token that is not among the first stands below them, with its share and rank.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { percentText, signedFixed } from "../../paint/numbers";
import { Attempts, Failure } from "../../panels/attempt";
import { Panel } from "../../panels/panel";
import { tokenParts } from "../../tokens";
import { answerWords } from "../changes/changes-words";
import { tokensOf } from "../compare/prompt-tokens";
import { useStage } from "../ui";
import { tokenLabel, tokenQuote } from "../words";
import { asking, type Role, tokenId } from "./next-ask";
import { type Guess, NextModel } from "./next-model";
import { OtherTokens } from "./next-other";

const SHOWN = 5;
const NOTHING_NEXT = "This run has no output to read next tokens from.";
const ROLES: Role[] = ["target", "foil"];

const width = (share: number): string => `${Math.max(0, Math.min(1, share)) * 100}%`;

/** A difference of shares, in points of a hundred. */
const points = (difference: number): string => `${signedFixed(difference * 100, 1)}%`;

interface RowProps {
  text: string;
  /** Its share, drawn; or words. */
  bar: ComponentChildren;
  share: string;
  /** What it was compared with, or stands for, in words. */
  was: string;
  roles: Record<Role, boolean> | null;
  ask: (role: Role) => void;
  /** Below the others, since it is measured. */
  apart?: boolean;
}

function Row({ text, bar, share, was, roles, ask, apart }: RowProps) {
  const label = tokenLabel(text);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the buttons at its end do the same
    <li
      class={apart ? "apart" : undefined}
      data-asks={roles === null ? undefined : ""}
      title={was || undefined}
      onMouseDown={(event) => event.shiftKey && event.preventDefault()} // no text is selected by a shift-click
      onClick={(event) => roles !== null && ask(event.shiftKey ? "foil" : "target")}
    >
      <span class="token" title={text}>
        {tokenParts(text).map((part, j) => (part.kind === "text" ? part.shown : <i key={j}>{part.shown}</i>))}
      </span>
      {bar}
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
      <span class="share">
        {share}
        {was && <span class="unseen"> {was}</span>}
      </span>
    </li>
  );
}

function Bar({ guess, isDifference }: { guess: Guess; isDifference: boolean }) {
  return (
    <span class="bar" aria-hidden="true">
      {isDifference ? <Lean by={guess.share} /> : <b style={{ width: width(guess.share) }} />}
      {guess.was !== null && <u style={{ left: width(guess.was) }} />}
    </span>
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

  const ask = (idOf: () => number | Promise<number>, role: Role) => {
    const mine = ++turn.current;
    attempts.try(async () => {
      const id = await idOf();
      const asked = asking(stage.metric.peek(), id, role, at);
      if (mine === turn.current && asked !== null) await stage.ask(asked);
    });
  };
  const first = rows.slice(0, SHOWN);
  const here = canAsk && metric?.position === at && epoch === stage.run.value?.epoch;
  const rolesOf = (text: string) =>
    canAsk ? { target: here && metric.target.text === text, foil: here && metric.foil?.text === text } : null;
  const apart = ROLES.flatMap((role) => {
    const [token, found] = [metric?.[role], stage.run.value?.shown[role]];
    return here && token && found && !first.some(({ text }) => text === token.text) ? [{ role, token, ...found }] : [];
  });
  return (
    <Panel
      name="next"
      title="Next token"
      field={model.field.value}
      head={<span class="dim">{after}</span>}
      waiting={model.wanted.waiting}
      error={model.wanted.error}
      retry={model.wanted.retry}
      empty={model.field.value || metric ? null : NOTHING_NEXT}
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
      {!model.field.value && <p class="empty">{NOTHING_NEXT} Another token of its output can be measured:</p>}
      <ol class={here ? "guesses pilled" : "guesses"}>
        {first.map((guess) => (
          <Row
            key={guess.rank}
            text={guess.text}
            bar={<Bar guess={guess} isDifference={isDifference} />}
            share={isDifference ? points(guess.share) : percentText(guess.share)}
            was={was(guess)}
            roles={rolesOf(guess.text)}
            ask={(role) => ask(() => tokenId(stage, epoch, at, guess.rank), role)}
          />
        ))}
        {apart.map(({ role, token, share, rank }) => (
          <Row
            key={role}
            apart
            text={token.text}
            bar={<span class="rank">rank {rank.toLocaleString("en")}</span>}
            share={`${isDifference ? "→ " : ""}${percentText(share)}`}
            was={isDifference ? "in the changed run" : ""}
            roles={rolesOf(token.text)}
            ask={(one) => ask(() => token.id, one)}
          />
        ))}
      </ol>
      {isDifference && rows.length === 0 && epoch === stage.run.value?.epoch && (
        <p class="caveat">This token has no partner in the other prompt: there is nothing to compare it with.</p>
      )}
      <Measured
        position={canAsk ? at : null}
        spaced={2 * rows.filter(({ text }) => text.startsWith(" ")).length > rows.length}
      />
      <Failure of={attempts.refused.value} />
    </Panel>
  );
}

/** The metric in one line: what, where, how much, and whether anybody chose it. */
function Measured({ position, spaced }: { position: number | null; spaced: boolean }) {
  const stage = useStage();
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const metric = stage.metric.value;
  const run = stage.run.value;
  if (metric === null || run === null) return null;
  const place = tokenQuote(tokensOf(stage, "first").texts[metric.position]);
  return (
    <>
      <p class="caveat measured">
        {`measured: ${answerWords(metric, run.shown, ` at ${place}`)}${metric.proposed ? " (proposed)" : ""}`}{" "}
        {position !== null && (
          <button
            ref={button}
            type="button"
            class="plain small"
            aria-expanded={open}
            title="measure tokens that are not in the list"
            onClick={() => setOpen(!open)}
          >
            other…
          </button>
        )}
      </p>
      {open && position !== null && (
        <OtherTokens
          metric={metric}
          position={position}
          spaced={spaced}
          close={() => {
            setOpen(false);
            button.current?.focus({ preventScroll: true });
          }}
        />
      )}
    </>
  );
}
