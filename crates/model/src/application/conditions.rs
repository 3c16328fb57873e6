//! What a service may have besides the figures that every service has: a Java heap, and published failures.
//!
//! Left out: what a simulated cluster makes of them, and whether it does at all.

use crate::quantity::Bytes;
use serde::Serialize;

/// The memory of a service that runs in a Java virtual machine.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Jvm {
    /// Memory outside the heap: code, classes, threads, the collector's own.
    pub off_heap: Bytes,
    /// Heap that an idle process touches when it has plenty.
    pub fill: Bytes,
    /// Heap at which it touches all but a share of 1/e of that.
    pub fill_scale: Bytes,
    /// Heap that stays live when idle.
    pub live: Bytes,
    /// CPU of the collector as a share of a call's own, with half of the heap live.
    pub gc_cost: f64,
    /// Most calls that are in the process at a time; others wait outside the heap.
    pub threads: u32,
}

/// Published failures of a service: probabilities for each replica and step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Faults {
    /// A call is answered with an error.
    pub error: f64,
    /// A replica loses half of its capacity for a while.
    pub degraded: f64,
    /// A replica goes down.
    pub failure: f64,
}
