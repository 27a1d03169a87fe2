// SPDX-License-Identifier: Apache-2.0
// Which candidates are the best: quickselect over 64-bit keys, without a branch that depends on a score. Included once
// per level by its file, which defines CODES(name) and
//   PARTITION(keys, count, pivot, others) → how many keys are above the pivot: they move to the front, the rest behind
//   them, both in their order. `others` has room for count + 8.
// No include guard.

static void CODES(keep_best)(duet_candidate *candidates, size_t count, size_t best, uint64_t *scratch) {
  uint64_t *keys = scratch, *others = scratch + count + 8;
  for (size_t i = 0; i < count; i++) keys[i] = codes_key(candidates[i]);
  size_t low = 0, high = count;
  const size_t wanted = best - 1;
  while (high - low > 1) {
    const uint64_t pivot = codes_median(keys[low], keys[low + (high - low) / 2], keys[high - 1]);
    size_t above = low + PARTITION(keys + low, high - low, pivot, others);
    if (wanted < above) {
      high = above;
      continue;
    }
    // Where nothing is above the pivot, all of its equals come next: many only in damaged files, which must not take long.
    if (above == low) {
      if (pivot == 0) break;
      low += PARTITION(keys + low, high - low, pivot - 1, others);
      if (wanted < low) break;
      continue;
    }
    // The pivot is the best of the others: it belongs at their head.
    size_t place = above;
    while (keys[place] != pivot) place++;
    keys[place] = keys[above];
    keys[above] = pivot;
    if (wanted == above) break;
    low = above + 1;
  }
  for (size_t i = 0; i < count; i++) candidates[i] = codes_candidate(keys[i]);
}
