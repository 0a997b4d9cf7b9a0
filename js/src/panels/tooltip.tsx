/**
 * What the pointer rests on: the place in words, and the exact float32 as soon as it has come.
 *
 * The half-precision value shows at once; the exact one is asked for only after the pointer has rested, so that a sweep over
 * a picture asks for nothing. It never takes pointer events and never covers the cell under the pointer.
 */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { numberText, percentText } from "../paint/numbers";
import type { Cell } from "../protocol";
import { type Tip, useUi } from "../views/ui";
import { exactNumber, stateWords, tokenLabel } from "../views/words";

const REST_MS = 90;
const GAP = 14;

function useExactCell(tip: Tip | null): Cell | null {
  const { source, fields } = useUi().stage;
  const [cell, setCell] = useState<{ key: string; cell: Cell } | null>(null);
  // A field that fills in has other numbers in every version.
  const version = tip?.cell && fields.value.find(({ name }) => name === tip.cell!.field)?.progress?.version;
  const key = tip?.cell ? JSON.stringify([tip.cell, version]) : "";
  useEffect(() => {
    const request = tip?.cell;
    if (!request) return;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      source.cell(request, { signal: abort.signal, priority: 0 }).then(
        (came) => setCell({ key, cell: came }),
        () => {}, // the approximate value stays; the bar says when the kernel is gone
      );
    }, REST_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key]);
  return cell !== null && cell.key === key ? cell.cell : null;
}

function CellWords({ tip, cell }: { tip: Tip; cell: Cell | null }) {
  const unit = tip.unit === "" || tip.unit === "share" ? "" : ` ${tip.unit}`;
  if (cell === null) {
    if (tip.value === "") return null;
    return (
      <div class="number">
        {tip.value}
        {unit}
      </div>
    );
  }
  return (
    <>
      <div class="number" data-exact={cell.value ?? cell.state}>
        {cell.value === null ? stateWords(cell.state) : `${exactNumber(cell.value)}${unit}`}
      </div>
      {cell.detail.length > 0 && (
        <ol>
          {cell.detail.map((entry, i) => (
            <li key={i}>
              <span class="token">{tokenLabel(entry.text)}</span>
              <span>{entry.value === null ? "" : percentText(entry.value)}</span>
            </li>
          ))}
        </ol>
      )}
      {cell.more.map((entry, i) => (
        <div key={i} class="more">
          {entry.label} {entry.value === null ? "–" : numberText(entry.value)} {entry.unit}
        </div>
      ))}
    </>
  );
}

export function Tooltip() {
  const ui = useUi();
  const tip = ui.tip.value;
  const cell = useExactCell(tip);
  const box = useRef<HTMLDivElement>(null);

  useLayoutEffect(() => {
    const element = box.current;
    const parent = element?.parentElement;
    if (!element || !parent || tip === null) return;
    const around = parent.getBoundingClientRect();
    const x = tip.x - around.left;
    const y = tip.y - around.top;
    const fitsRight = x + GAP + element.offsetWidth <= around.width;
    const fitsBelow = y + GAP + element.offsetHeight <= Math.max(around.height, y + 1);
    const left = fitsRight ? x + GAP : Math.max(4, x - GAP - element.offsetWidth);
    const top = fitsBelow ? y + GAP : Math.max(4, y - GAP - element.offsetHeight);
    element.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  });

  if (tip === null) return null;
  return (
    <div class="tooltip" role="tooltip" ref={box}>
      <div class="place">{tip.place}</div>
      <CellWords tip={tip} cell={cell} />
      {tip.notes?.map((words, i) => (
        <div key={i} class="told">
          {words}
        </div>
      ))}
    </div>
  );
}
