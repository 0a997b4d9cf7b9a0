/** What esbuild and vitest hand over for files that are not modules. */
declare module "*.css" {
  const text: string;
  export default text;
}
