//! Two recordings that come with the crate, with the days to train and to test on.
//!
//! Origin, licence and citation are in `data/NOTICE.md`, the script that made them in `data/make.py`. Days
//! were chosen so that every test day is later than every training day and the test days' highest minute is
//! of the training days' scale. Left out: recordings that others publish; [`crate::read`] takes them as text.

use crate::{
    Error, Result, Trace,
    trace::{ReadOptions, Split, TimeUnit, read},
};
use trimtab_model::Time;

/// A recording in the crate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shipped {
    /// Name, as in a workload file or on the command line.
    pub name: &'static str,
    /// One sentence for a listing.
    pub description: &'static str,
    /// Days recommended for training, as [`Trace::pick_days`] takes them.
    pub train: &'static str,
    /// Days recommended for the test.
    pub test: &'static str,
    /// A day whose highest minute is well above the training days': what happens beyond experience.
    pub surge: &'static str,
    start: Time,
    text: &'static str,
}

/// Every recording.
pub const ALL: [Shipped; 2] = [
    Shipped {
        name: "worldcup98",
        description: "1998 football World Cup site, 11 to 25 June, by the minute: smooth, with match-time peaks",
        train: "1998-06-11..=1998-06-19",
        test: "1998-06-20..=1998-06-24",
        surge: "1998-06-25",
        start: Time(897_523_200.0),
        text: include_str!("../../../data/worldcup98.csv"),
    },
    Shipped {
        name: "nasa_http",
        description: "NASA Kennedy Space Center site, 4 to 18 July 1995, by the minute: low and bursty",
        train: "1995-07-04..=1995-07-12",
        test: "1995-07-14..=1995-07-18",
        surge: "1995-07-13",
        start: Time(804_816_000.0),
        text: include_str!("../../../data/nasa_http.csv"),
    },
];

/// The recording called `name`.
///
/// # Errors
/// [`Error::UnknownTrace`] with the names there are.
pub fn find(name: &str) -> Result<Shipped> {
    ALL.into_iter().find(|shipped| shipped.name == name).ok_or_else(|| Error::UnknownTrace {
        name: name.to_owned(),
        known: ALL.map(|shipped| shipped.name).join(", "),
    })
}

impl Shipped {
    /// The recording, parsed anew at each call.
    ///
    /// # Errors
    /// None in practice: a test reads every recording.
    pub fn trace(&self) -> Result<Trace> {
        let options = ReadOptions {
            time_unit: Some(TimeUnit::Minutes),
            start: Some(self.start),
            ..ReadOptions::default()
        };
        read(self.text, &options)
    }

    /// The recommended days of [`Self::trace`].
    ///
    /// # Errors
    /// As [`Self::trace`].
    pub fn split(&self) -> Result<Split> {
        Trace::split_by_name(&self.trace()?.days(), self.train, self.test)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Suspicion;
    use trimtab_model::Seconds;

    #[test]
    fn each_recording_has_fifteen_sound_days_and_a_split_without_peeking() {
        for shipped in ALL {
            let trace = shipped.trace().unwrap();
            assert_eq!(trace.step(), Seconds(60.0));
            assert_eq!((trace.counts().len(), trace.missing()), (15 * 1440, [].as_slice()));
            assert_eq!(trace.sound_days(&Suspicion::default()).len(), 15, "{}", shipped.name);
            let split = shipped.split().unwrap();
            assert_eq!((split.train.len(), split.test.len()), (9, 5));
            assert!(split.train.iter().all(|day| day.date < split.test[0].date));
            let surge = Trace::pick_days(&trace.days(), shipped.surge).unwrap();
            assert!(!split.train.contains(&surge[0]) && !split.test.contains(&surge[0]));
        }
    }

    #[test]
    fn the_highest_test_minute_is_of_the_scale_of_the_highest_training_minute() {
        for (name, train, test) in [("worldcup98", 153_878.0, 169_010.0), ("nasa_http", 199.0, 159.0)] {
            let shipped = find(name).unwrap();
            let (trace, split) = (shipped.trace().unwrap(), shipped.split().unwrap());
            let peak = |days: &[crate::trace::Period]| {
                let ranges: Vec<_> = days.iter().map(|day| day.intervals.clone()).collect();
                (trace.peak_of(&ranges).0 * 60.0).round()
            };
            assert_eq!((peak(&split.train), peak(&split.test)), (train, test));
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = find("worldcup").unwrap_err().to_string();
        assert_eq!(error, "no trace \"worldcup\", expected one of: worldcup98, nasa_http");
    }
}
