//! Closed and semi-open load: what the users of each lane ask for in the next sub-step, and what they do after it.
//!
//! Left out: the law that they follow ([`crate::load`]).

use super::Cluster;
use trimtab_model::Time;

impl Cluster {
    /// Writes what the users of each lane ask a second in the sub-step that begins.
    pub(super) fn ask(&mut self, rate: &mut dyn FnMut(usize, Time) -> f64) {
        let dt = self.config.substep_secs;
        let mut flow = std::mem::take(&mut self.work.flow);
        for lane in 0..self.lanes {
            let intended = rate(lane, Time(self.state.lane[lane].time + 0.5 * dt)).max(0.0);
            let users = self.state.users[lane];
            self.work.intended[lane] = intended;
            self.work.issued[lane] = self.config.load.issued(&users, intended, dt, |rate| {
                users.overlap * self.in_system(lane, rate as f32, &mut flow)
            });
        }
        self.work.flow = flow;
    }

    /// Works out what will be in the system once the sub-step's requests, now drawn, have come.
    pub(super) fn foresee(&mut self) {
        let mut flow = std::mem::take(&mut self.work.flow);
        for lane in 0..self.lanes {
            self.work.inside[lane] = self.in_system(lane, self.work.requests[lane], &mut flow);
        }
        self.work.flow = flow;
    }

    /// Takes note of what the sub-step did to the users.
    pub(super) fn answer(&mut self) {
        let dt = self.config.substep_secs;
        self.find_overlap();
        for lane in 0..self.lanes {
            let overlap = self.state.users[lane].overlap;
            let inside = overlap * self.work.inside[lane];
            let count = f64::from(self.work.requests[lane]) * dt;
            self.state.users[lane].note(&self.config.load, self.work.intended[lane], dt, count, inside);
        }
    }

    /// Calls in the system, waiting or in service, after a sub-step with `rate` requests a second from outside: what
    /// [`super::dynamics`] would do, without doing it.
    pub(super) fn in_system(&self, lane: usize, rate: f32, flow: &mut [f32]) -> f64 {
        let (dt, timeout) = (self.config.substep_secs as f32, self.application.timeout.0 as f32);
        let mut inside = 0.0;
        for &service in &self.order {
            let at = service * self.lanes + lane;
            let mut arrivals = self.entry[service] * rate;
            for &(caller, calls) in &self.callers[service] {
                arrivals += calls * flow[caller];
            }
            let capacity = self.state.capacity[at];
            let load = arrivals * dt + self.state.backlog[at];
            let served = load.min(capacity * dt);
            let serves = capacity > 0.0;
            let after = (load - served).min(timeout * if serves { capacity } else { arrivals });
            flow[service] = served / dt;
            let utilization = if serves { arrivals / capacity } else { 1.0 };
            let floor = self.application.services[service].latency_floor.0 as f32;
            let (mean, _) = self.curves.get(self.state.curve[at]).at(utilization);
            inside += f64::from(after + flow[service] * (mean + floor));
        }
        inside
    }

    /// Finds how far the calls of a request overlap, from the sub-step that has ended.
    fn find_overlap(&mut self) {
        if !self.plan.has_parallel() {
            return;
        }
        let lanes = self.lanes;
        self.work.issued.fill(0.0);
        for (endpoint, described) in self.application.endpoints.iter().enumerate() {
            let work = &mut self.work;
            let (mean, _) = self.plan.compose(endpoint, &work.mean, &work.variance, lanes, &mut work.scratch);
            for (sum, mean) in work.issued.iter_mut().zip(mean) {
                *sum += described.weight * f64::from(*mean);
            }
        }
        for lane in 0..lanes {
            let calls: f64 = self
                .visits
                .iter()
                .enumerate()
                .map(|(service, visits)| visits * f64::from(self.work.mean[service * lanes + lane]))
                .sum();
            if calls > 0.0 {
                self.state.users[lane].overlap = (self.work.issued[lane] / calls).min(1.0);
            }
        }
    }
}
