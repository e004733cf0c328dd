/**
 * Does something with each item, with some of them at a time; with one, strictly one after the other. After a failure
 * nothing further is begun, and what was begun is waited for.
 *
 * @param atOnce 1 or more
 * @returns the results, in the order of the items
 * @throws the first failure
 */
export async function mapAtOnce<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  action: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const failures: unknown[] = [];
  const waiting = [...items.entries()].values();
  const work = async () => {
    for (const [index, item] of waiting) {
      try {
        results[index] = await action(item);
      } catch (error) {
        failures.push(error);
      }
      if (failures.length > 0) return;
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, work));
  if (failures.length > 0) throw failures[0];
  return results;
}
