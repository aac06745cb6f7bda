//! Whether two kinds of request can be told apart by how long they take.

use std::time::Instant;

/// Sends both kinds `rounds` times, which of them first decided by a coin each time, and returns how many standard
/// deviations the rank sum of their times lies from what equal kinds would give (Mann and Whitney's test).
///
/// The coin makes the test indifferent to whatever else the machine does: equal kinds exceed 5 once in two million
/// runs, however busy it is, and kinds that differ by a statement to the database reach tens.
pub async fn told_apart(
    rounds: usize,
    mut one: impl AsyncFnMut(),
    mut other: impl AsyncFnMut(),
) -> f64 {
    let mut times: Vec<(u128, bool)> = Vec::with_capacity(2 * rounds);
    for _ in 0..rounds {
        let first: bool = rand::random();
        for is_one in [first, !first] {
            let start = Instant::now();
            if is_one {
                one().await;
            } else {
                other().await;
            }
            times.push((start.elapsed().as_nanos(), is_one));
        }
    }
    times.sort_unstable_by_key(|(time, _)| *time);
    let ranks = times.iter().enumerate();
    let sum: f64 = ranks
        .filter(|(_, (_, is_one))| *is_one)
        .map(|(rank, _)| rank as f64 + 1.0)
        .sum();
    let n = rounds as f64;
    let expected = n * (2.0 * n + 1.0) / 2.0;
    let deviation = (n * n * (2.0 * n + 1.0) / 12.0).sqrt();
    ((sum - expected) / deviation).abs()
}
