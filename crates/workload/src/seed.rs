//! Independent seeds for the parts of a workload.
//!
//! Left out: generators; each random shape makes its own from its seed and throws it away once built.

/// The seed of part `index` of something seeded with `seed`.
///
/// One round of `SplitMix64` (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA
/// 2014) on the pair, so neighbouring seeds and neighbouring parts share nothing.
pub(crate) fn part(seed: u64, index: u64) -> u64 {
    let mut z = seed.wrapping_add((index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn parts_match_the_published_first_outputs_of_splitmix64() {
        assert_eq!(part(0, 0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(part(0, 1), 0x6e78_9e6a_a1b9_65f4);
    }
}
