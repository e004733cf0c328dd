/** The amount of an event that has none is zero; -0 becomes 0. */
export function enrichMonto(monto: number | null | undefined): number {
  return (monto ?? 0) + 0;
}
