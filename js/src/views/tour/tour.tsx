/** The player of a tour: where it stands, its text, and the way on. */
import { useStage } from "../ui";

export function TourBar() {
  const tour = useStage().tour.value;
  return tour === null ? null : <div class="tour" />;
}
