/**
 * The interventions: a list that is switched, named and taken away, and what each of them does to the answer.
 */
export function ChangesPanel() {
  return null;
}
