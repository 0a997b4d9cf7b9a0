/**
 * How causes compare: two fields over heads against each other, direct against total effect, and what the answer is made of.
 */
export function CausesPanel() {
  return null;
}
