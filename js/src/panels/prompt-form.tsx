/**
 * A line in which a prompt is written: Enter sends it, Shift+Enter is a new line, and no key of it reaches the notebook.
 *
 * What stands in it is its owner's, as is what follows when it is sent.
 */
import type { ComponentChildren, RefObject } from "preact";

interface PromptFormProps {
  label: string;
  line: RefObject<HTMLTextAreaElement | null>;
  text: string;
  placeholder: string;
  editable: boolean;
  typed: (text: string) => void;
  send: () => void;
  /** What Escape does, if anything. */
  leave?: (() => void) | undefined;
  /** What stands behind the text: buttons, progress. */
  children: ComponentChildren;
}

export function PromptForm({
  label,
  line,
  text,
  placeholder,
  editable,
  typed,
  send,
  leave,
  children,
}: PromptFormProps) {
  return (
    <form
      class={editable ? "prompt" : "prompt fixed"}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <label>
        <span>{label}</span>
        <textarea
          ref={line}
          rows={Math.min(6, text.split("\n").length)}
          value={text}
          placeholder={placeholder}
          readOnly={!editable}
          spellcheck={false}
          autocomplete="off"
          data-lm-suppress-shortcuts="true"
          onInput={(event) => typed(event.currentTarget.value)}
          onKeyDown={(event) => {
            event.stopPropagation();
            if (event.key === "Escape") leave?.();
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            send();
          }}
        />
      </label>
      {children}
    </form>
  );
}
