//! The same work for several seeds side by side.
//!
//! Left out: what is done with one.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// `work(1) … work(count)` on the cores there are, in order.
pub(crate) fn over_seeds<T: Send>(count: usize, work: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (next, results) = (AtomicUsize::new(0), Mutex::new(vec![]));
    std::thread::scope(|scope| {
        for _ in 0..cores.min(count) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        break;
                    }
                    let result = work(at as u64 + 1);
                    results.lock().expect("no thread panics while it holds the lock").push((at, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no thread panics while it holds the lock");
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}
