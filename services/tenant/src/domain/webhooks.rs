//! Rules of webhooks: what is told and how, to whom, and when again. Source: Standard Webhooks 1.0.

pub mod events;
pub mod signature;
pub mod targets;

use std::time::Duration;

use chrono::{DateTime, Utc};

/// Endpoints of one tenant, at most.
pub const MAX_ENDPOINTS: i64 = 20;
/// For how long a secret that was replaced signs too.
pub const OVERLAP: chrono::TimeDelta = chrono::TimeDelta::hours(24);
/// An endpoint that nothing has come through to for so long is disabled.
pub const PATIENCE: chrono::TimeDelta = chrono::TimeDelta::days(5);
/// For how long is kept what was told.
pub const KEPT: chrono::TimeDelta = chrono::TimeDelta::days(30);

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
/// Seconds before each next try.
const PAUSES: [u64; 9] = [
    5,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
];

/// Seconds for which an endpoint is left alone after so many failures in a row; after more, as after the last.
const RESTS: [u64; 4] = [1, 5, 30, 5 * MINUTE];
/// Failures that are further apart are not in a row.
pub const APART: chrono::TimeDelta = chrono::TimeDelta::hours(48);

/// Returns for how long an endpoint is left alone that has not heard so often in a row, or has asked for it.
pub fn rest(failures: i32, asked: Option<Duration>) -> Duration {
    let place = usize::try_from(failures)
        .unwrap_or_default()
        .saturating_sub(1);
    let seconds = RESTS.get(place.min(RESTS.len() - 1)).copied();
    let longest = Duration::from_secs(24 * HOUR);
    let asked = asked.map_or(Duration::ZERO, |asked| asked.min(longest));
    Duration::from_secs(seconds.unwrap_or_default()).max(asked)
}

/// Returns how long to wait after that many tries that failed, if it is tried again at all. Whoever asks to be left alone for
/// longer is, for a day at most; `jitter`, from 0 to 1, keeps what failed together from coming back together.
pub fn pause(tries: i32, asked: Option<Duration>, jitter: f64) -> Option<Duration> {
    let passed = usize::try_from(tries).ok()?.checked_sub(1)?;
    let pause = Duration::from_secs(*PAUSES.get(passed)?).mul_f64(0.9 + 0.2 * jitter);
    let longest = Duration::from_secs(24 * HOUR);
    Some(asked.map_or(pause, |asked| pause.max(asked.min(longest))))
}

/// Returns how long `Retry-After` asks for, in either of its forms (RFC 9110, 10.2.3): seconds, or a date.
pub fn asked_pause(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(value).ok()?;
    (until.to_utc() - now).to_std().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_asked_for_in_seconds_or_until_a_date() {
        let now = DateTime::from_timestamp(1_445_412_420, 0).expect("a time");
        for (value, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Wed, 21 Oct 2015 07:28:00 GMT", Some(60)),
            ("Wed, 21 Oct 2015 07:26:59 GMT", None),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(
                asked_pause(value, now),
                seconds.map(Duration::from_secs),
                "{value}"
            );
        }
    }

    #[test]
    fn what_fails_is_tried_ten_times_over_four_days() {
        let pauses: Vec<u64> = (1..=9)
            .map(|tries| pause(tries, None, 0.5).expect("again").as_secs())
            .collect();
        assert_eq!(pauses, PAUSES);
        assert_eq!(pause(10, None, 0.5), None);
        assert_eq!(pause(0, None, 0.5), None);
        let hours = pauses.iter().sum::<u64>() / HOUR;
        assert!((72..96).contains(&hours), "{hours}");
        for jitter in [0.0, 1.0] {
            let first = pause(1, None, jitter).expect("again");
            assert!((4_500..=5_500).contains(&first.as_millis()), "{first:?}");
        }
    }

    #[test]
    fn who_does_not_hear_is_left_alone_for_longer_each_time() {
        let rests: Vec<u64> = [1, 2, 3, 4, 5, 1_000]
            .into_iter()
            .map(|failures| rest(failures, None).as_secs())
            .collect();
        assert_eq!(rests, [1, 5, 30, 300, 300, 300]);
        let asked = |seconds| rest(1, Some(Duration::from_secs(seconds))).as_secs();
        assert_eq!(
            (asked(0), asked(3_600), asked(u64::MAX)),
            (1, 3_600, 86_400)
        );
    }

    #[test]
    fn whoever_asks_for_a_pause_gets_it_up_to_a_day() {
        let asked = |seconds| pause(1, Some(Duration::from_secs(seconds)), 0.5);
        assert_eq!(asked(1), Some(Duration::from_secs(5)));
        assert_eq!(asked(90), Some(Duration::from_secs(90)));
        assert_eq!(asked(u64::MAX), Some(Duration::from_secs(24 * HOUR)));
    }
}
