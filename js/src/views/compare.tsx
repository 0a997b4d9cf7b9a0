/**
 * A second prompt beside the first: which token stands for which, and what differs.
 */
export function ComparePanel() {
  return null;
}
