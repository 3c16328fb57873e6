//! The environments of the systems that trimtab replaces, as they were published, defects included, so that their numbers can be
//! checked.
//!
//! Nothing but the list of environments knows of them. Left out: anything to train for; the corrected rules are in
//! [`crate::environments`].

pub mod gym_hpa;
pub mod localization;
