//! Independent work on the cores there are.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

/// `work(0) … work(count − 1)` in order of their numbers, computed by `threads` threads. Results do not depend on
/// how many there are.
///
/// # Panics
/// When `work` does.
pub fn map<T: Send>(count: usize, threads: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    if threads <= 1 || count <= 1 {
        return (0..count).map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, T)>> = Mutex::new(Vec::with_capacity(count));
    std::thread::scope(|scope| {
        for _ in 0..threads.min(count) {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= count {
                        break;
                    }
                    let result = work(i);
                    done.lock().expect("no thread panics while it holds the lock").push((i, result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("no thread panics while it holds the lock");
    done.sort_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Threads to use unless told otherwise: one a core.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_come_in_order_whatever_the_threads() {
        assert_eq!(super::map(100, 3, |i| i * i), (0..100).map(|i| i * i).collect::<Vec<_>>());
    }
}
