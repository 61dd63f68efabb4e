//! Several runs at a time.

use std::sync::{Mutex, PoisonError};

/// Does pieces of work, each on one thread, so many at a time. Which thread a piece comes to and what
/// runs beside it is no part of its result.
pub fn side_by_side<T: Send>(pieces: &mut [T], at_once: usize, work: impl Fn(&mut T) + Sync) {
    let at_once = at_once.clamp(1, pieces.len().max(1));
    let queue = Mutex::new(pieces.iter_mut());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(piece) = next() {
                    work(piece);
                }
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_is_done_once() {
        for at_once in [0, 1, 3, 100] {
            let mut pieces: Vec<usize> = (0..20).collect();
            side_by_side(&mut pieces, at_once, |piece| *piece += 100);
            assert_eq!(pieces, (100..120).collect::<Vec<_>>());
        }
        side_by_side(&mut [(); 0], 2, |()| {});
    }
}
