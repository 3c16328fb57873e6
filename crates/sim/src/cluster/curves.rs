//! The response curves of a cluster, made when a service's pods first get a CPU limit.
//!
//! Left out: what a curve holds ([`ResponseCurve`]).
#![expect(
    clippy::inline_always,
    reason = "a body must be compiled inside the function that chose the vectors"
)]

use crate::{quota::QuotaWait, quota::ResponseCurve};
use std::collections::BTreeMap;
use trimtab_model::{Millicores, Service, ServiceId};

/// Response curves by service, CPU limit and CPU cost of a call.
#[derive(Clone, Debug)]
pub(super) struct Curves {
    table: QuotaWait,
    /// Quota period in seconds.
    period: f64,
    max_utilization: f64,
    known: BTreeMap<(ServiceId, u32, u32), u32>,
    list: Vec<ResponseCurve>,
}

impl Curves {
    pub(super) fn new(period: f64, max_utilization: f64) -> Self {
        Self {
            table: QuotaWait::shipped(),
            period,
            max_utilization,
            known: BTreeMap::new(),
            list: Vec::new(),
        }
    }

    /// The curve with an index from [`Curves::index`].
    #[inline(always)]
    pub(super) fn get(&self, index: u32) -> &ResponseCurve {
        &self.list[index as usize]
    }

    /// Index of the curve of pods with `limit` whose calls cost `cost` hundredths of what they cost in the application.
    pub(super) fn index(
        &mut self,
        id: ServiceId,
        service: &Service,
        limit: Option<Millicores>,
        cost: u32,
    ) -> u32 {
        let key = (id, limit.map_or(0, |l| l.0), cost);
        if let Some(&index) = self.known.get(&key) {
            return index;
        }
        let cores = limit.map(Millicores::cores);
        let costly;
        let service = if cost == 100 {
            service
        } else {
            let mut dear = service.clone();
            dear.cpu_per_call.0 *= f64::from(cost) / 100.0;
            costly = dear;
            &costly
        };
        let curve = ResponseCurve::new(&self.table, service, cores, self.period, self.max_utilization);
        self.list.push(curve);
        let index = self.list.len() as u32 - 1;
        self.known.insert(key, index);
        index
    }
}
