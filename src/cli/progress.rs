//! How far long work has come, in the words that are shown while it runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How far a phase has come. The work sets it, and whoever shows it reads it from another thread, so
/// setting it costs next to nothing.
#[derive(Debug, Default)]
pub struct Progress {
    begin: AtomicU64,
    done: AtomicU64,
    /// 0 if nobody knows.
    total: AtomicU64,
}

impl Progress {
    /// There are this many pieces of work.
    pub fn of(&self, total: u128) {
        self.total.store(u64::try_from(total).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// This many pieces were done before, by a run that this one continues: they count for the total,
    /// not for the rate.
    pub fn begin_at(&self, done: usize) {
        self.begin.store(done as u64, Ordering::Relaxed);
        self.at(done);
    }

    /// This many pieces are done.
    pub fn at(&self, done: usize) {
        self.done.store(done as u64, Ordering::Relaxed);
    }

    /// `comparing inputs: 302 k/s, 1.09 M of 72.6 M, 4 min left`; of work that counts no pieces, the
    /// name and the time that it has taken.
    pub fn text(&self, phase: &str, elapsed: Duration) -> String {
        let [begin, done, total] = [&self.begin, &self.done, &self.total].map(|n| n.load(Ordering::Relaxed));
        let rate = done.saturating_sub(begin) as f64 / elapsed.as_secs_f64().max(1e-3);
        if done == 0 {
            return match total {
                0 => format!("{phase}, {}", time(elapsed)),
                total => format!("{phase}: 0 of {}", quantity(total as f64)),
            };
        }
        // Of slow work the rate says less than the counts.
        let speed = if rate < 10.0 { String::new() } else { format!("{}/s, ", quantity(rate)) };
        let done_text = quantity(done as f64);
        if total == 0 {
            return format!("{phase}: {speed}{done_text} so far");
        }
        let left = match total.saturating_sub(done) as f64 / rate {
            seconds if rate > 0.0 && seconds < 1e9 => {
                format!(", {} left", time(Duration::from_secs_f64(seconds)))
            }
            _ => String::new(),
        };
        format!("{phase}: {speed}{done_text} of {}{left}", quantity(total as f64))
    }
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
        let progress = Progress::default();
        let text = |seconds| progress.text("comparing inputs", Duration::from_secs(seconds));
        assert_eq!(text(12), "comparing inputs, 12 s");
        progress.at(3_000);
        assert_eq!(text(1), "comparing inputs: 3000/s, 3000 so far");
        progress.of(72_600_000);
        progress.at(1_090_000);
        assert_eq!(text(4), "comparing inputs: 272 k/s, 1.09 M of 72.6 M, 4 min left");
        // What an earlier run did has cost this one nothing.
        progress.begin_at(1_090_000);
        assert_eq!(text(4), "comparing inputs: 1.09 M of 72.6 M");
        progress.of(20);
        progress.begin_at(0);
        progress.at(5);
        assert_eq!(text(10), "comparing inputs: 5 of 20, 30 s left");
        progress.at(0);
        assert_eq!(text(10), "comparing inputs: 0 of 20");
    }
}
