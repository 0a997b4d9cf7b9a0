/**
 * What failed outside a request, listed under the bar. Nothing fails silently, and nothing here blocks the panels below.
 */
import { useStage } from "../views/ui";
import { InWords } from "./attempt";

export function Problems() {
  const problems = useStage().problems.value;
  if (problems.length === 0) return null;
  return (
    <ul class="problems" role="alert">
      {problems.map((problem, i) => (
        <li key={i}>
          <span class="mark" aria-hidden="true">
            !
          </span>
          <span>
            <b>{problem.type}</b> <InWords {...problem} />
          </span>
        </li>
      ))}
    </ul>
  );
}
