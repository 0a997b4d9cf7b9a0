/**
 * Tokens to measure that are not among the guesses: typed as text, which the kernel knows or answers with what to do.
 *
 * A leading space is part of a token, so it is shown. What is left as it was is not asked for anew.
 */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Attempts, Failure } from "../../panels/attempt";
import type { Metric } from "../../protocol";
import { useStage } from "../ui";
import type { Role } from "./next-ask";

interface OtherProps {
  metric: Metric;
  /** The position that is shown: what is asked for is measured there. */
  position: number;
  /** Whether the tokens that stand here mostly begin with a space. */
  spaced: boolean;
  close: () => void;
}

export function OtherTokens({ metric, position, spaced, close }: OtherProps) {
  const stage = useStage();
  const attempts = useMemo(() => new Attempts(), []);
  const known = { target: metric.target.text, foil: metric.foil?.text ?? "" };
  const [typed, setTyped] = useState(known);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current!.querySelector("input")!.focus({ preventScroll: true }), []);

  const send = () => {
    // Where there is no tokenizer tokens go by their ids.
    const ids = stage.run.value?.editable === false;
    const token = (text: string) => (ids && /^\d+$/.test(text) ? Number(text) : text);
    const asked = {
      ...(typed.target !== known.target && { target: token(typed.target) }),
      ...(typed.foil !== known.foil && { foil: typed.foil === "" ? null : token(typed.foil) }),
      ...(position !== metric.position && { position }),
    };
    if (Object.keys(asked).length === 0) return close();
    attempts.try(() => stage.ask(asked).then(close), "ask");
  };
  const line = (role: Role) => (
    <label>
      {role}
      <span class={typed[role].startsWith(" ") ? "typed spaced" : "typed"}>
        <input
          value={typed[role]}
          aria-label={`${role} token`}
          size={10}
          spellcheck={false}
          autocomplete="off"
          data-lm-suppress-shortcuts="true"
          onInput={(event) => setTyped({ ...typed, [role]: event.currentTarget.value })}
        />
      </span>
    </label>
  );
  return (
    <form
      ref={form}
      class="other"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Escape") close();
      }}
    >
      {line("target")}
      {line("foil")}
      <button type="submit" class="act">
        Measure
      </button>
      {spaced && /^\S/m.test(`${typed.target}\n${typed.foil}`) && (
        <span class="dim">Most tokens here begin with a space (·): this one does not.</span>
      )}
      <Failure of={attempts.refused.value} />
    </form>
  );
}
