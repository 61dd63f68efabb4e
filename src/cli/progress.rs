//! How far long work has come, in the words that are shown while it runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How far work has come. The work sets it, and whoever shows it reads it from another thread, so setting
/// it costs next to nothing.
#[derive(Debug)]
pub struct Progress {
    phase: Mutex<Phase>,
    /// Pieces of this phase that are done.
    done: AtomicU64,
    /// 0 if nobody knows.
    total: AtomicU64,
}

/// A part of the work.
#[derive(Clone, Copy, Debug)]
struct Phase {
    name: &'static str,
    since: Instant,
    /// Pieces that an earlier run did: they count for the total, not for the rate.
    begin: u64,
}

impl Progress {
    /// Work that begins with a phase of this name.
    pub fn new(name: &'static str) -> Self {
        let phase = Phase { name, since: Instant::now(), begin: 0 };
        Self { phase: Mutex::new(phase), done: AtomicU64::new(0), total: AtomicU64::new(0) }
    }

    /// There are this many pieces of work in this phase.
    pub fn of(&self, total: u128) {
        self.total.store(u64::try_from(total).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// This many pieces are done.
    pub fn at(&self, done: usize) {
        self.done.store(done as u64, Ordering::Relaxed);
    }

    /// This many pieces are done of the phase of this name. If it is another than before, the phase begins
    /// now, and the pieces were done by an earlier run that this one continues.
    pub fn enter(&self, name: &'static str, total: Option<u128>, done: usize) {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if phase.name != name {
            *phase = Phase { name, since: Instant::now(), begin: done as u64 };
        }
        self.of(total.unwrap_or(0));
        self.at(done);
    }

    /// The name of the phase, and how long it has taken.
    pub fn phase(&self) -> (&'static str, Duration) {
        let Phase { name, since, .. } = *self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        (name, since.elapsed())
    }

    /// `comparing inputs: 302 k/s, 1.09 M of 72.6 M, 4 min left`; of work that counts no pieces, the name of
    /// the phase and the time that it has taken.
    pub fn text(&self) -> String {
        let Phase { name, since, begin } = *self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        let [done, total] = [&self.done, &self.total].map(|n| n.load(Ordering::Relaxed));
        text(name, since.elapsed(), begin, done, total)
    }
}

fn text(name: &str, elapsed: Duration, begin: u64, done: u64, total: u64) -> String {
    if done == 0 {
        return match total {
            0 => format!("{name}, {}", time(elapsed)),
            total => format!("{name}: 0 of {}", quantity(total as f64)),
        };
    }
    let rate = done.saturating_sub(begin) as f64 / elapsed.as_secs_f64().max(1e-3);
    // Of slow work the rate says less than the counts.
    let speed = if rate < 10.0 { String::new() } else { format!("{}/s, ", quantity(rate)) };
    let counted = quantity(done as f64);
    if total == 0 {
        return format!("{name}: {speed}{counted} so far");
    }
    let left = match total.saturating_sub(done) as f64 / rate {
        seconds if rate > 0.0 && seconds < 1e9 => {
            format!(", {} left", time(Duration::from_secs_f64(seconds)))
        }
        _ => String::new(),
    };
    format!("{name}: {speed}{counted} of {}{left}", quantity(total as f64))
}

/// A quantity that is at least 0 with three digits: `17`, `9999`, `302 k`, `1.09 M`.
pub fn quantity(number: f64) -> String {
    const UNITS: [&str; 4] = ["k", "M", "G", "T"];
    if number < 9_999.5 {
        return format!("{number:.0}");
    }
    let mut scaled = number / 1e3;
    for unit in UNITS {
        if scaled < 999.5 || unit == UNITS[UNITS.len() - 1] {
            let decimals = match scaled {
                s if s < 9.995 => 2,
                s if s < 99.95 => 1,
                _ => 0,
            };
            return format!("{scaled:.decimals$} {unit}");
        }
        scaled /= 1e3;
    }
    format!("{number:.0}")
}

/// A time in its largest unit: `12 s`, `4 min`, `3 h`, `5 days`.
pub fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        s if s < 99.5 => format!("{s:.0} s"),
        s if s < 99.5 * 60.0 => format!("{:.0} min", s / 60.0),
        s if s < 48.0 * 3600.0 => format!("{:.0} h", s / 3600.0),
        s => format!("{:.0} days", s / 86400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_three_digits() {
        let shown = [0.0, 17.0, 9999.4, 9999.6, 12_345.0, 301_583.7, 999_499.0, 999_600.0, 1.097e6, 7.26e7];
        let texts = shown.map(quantity);
        let expected =
            ["0", "17", "9999", "10.0 k", "12.3 k", "302 k", "999 k", "1.00 M", "1.10 M", "72.6 M"];
        assert_eq!(texts, expected);
        assert_eq!(quantity(1e18), "1000000 T");
    }

    #[test]
    fn times_have_one_unit() {
        let shown = [0.4, 12.0, 99.4, 240.0, 7200.0, 500_000.0].map(|s| time(Duration::from_secs_f64(s)));
        assert_eq!(shown, ["0 s", "12 s", "99 s", "4 min", "2 h", "6 days"]);
    }

    #[test]
    fn a_phase_says_what_it_knows() {
        let text = |seconds, begin, done, total| {
            text("comparing inputs", Duration::from_secs(seconds), begin, done, total)
        };
        assert_eq!(text(12, 0, 0, 0), "comparing inputs, 12 s");
        assert_eq!(text(10, 0, 0, 20), "comparing inputs: 0 of 20");
        assert_eq!(text(1, 0, 3_000, 0), "comparing inputs: 3000/s, 3000 so far");
        let shown = text(4, 0, 1_090_000, 72_600_000);
        assert_eq!(shown, "comparing inputs: 272 k/s, 1.09 M of 72.6 M, 4 min left");
        assert_eq!(text(10, 0, 5, 20), "comparing inputs: 5 of 20, 30 s left");
        // What an earlier run did has cost this one nothing.
        assert_eq!(text(4, 1_090_000, 1_090_000, 72_600_000), "comparing inputs: 1.09 M of 72.6 M");
    }

    #[test]
    fn a_phase_begins_when_its_name_changes() {
        let progress = Progress::new("proving");
        progress.at(7);
        progress.enter("comparing inputs", Some(100), 50);
        let begin = || progress.phase.lock().unwrap_or_else(PoisonError::into_inner).begin;
        assert_eq!((progress.phase().0, begin()), ("comparing inputs", 50));
        progress.enter("comparing inputs", Some(100), 60);
        assert_eq!((begin(), progress.done.load(Ordering::Relaxed)), (50, 60));
        progress.enter("running classes", None, 0);
        assert_eq!((begin(), progress.total.load(Ordering::Relaxed)), (0, 0));
    }
}
