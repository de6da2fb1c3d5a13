// A JavaScript rule that any other can call. The whole of it is tagged: one at a time looks at the price list.
export const semaphore = { key: "price-list", timeout: "1m" };

/** @type {Record<string, number>} */
const prices = { apple: 3, pear: 4 };

/** @param {{ fruit: string, count: number }} stash */
export default function (stash) {
  const price = prices[stash.fruit];
  if (price === undefined) throw new Error(`nobody sells ${stash.fruit}`);
  return price * stash.count;
}
