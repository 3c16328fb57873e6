//! A line of a trace: the columns of the published ones.
//!
//! Left out: writing them to a file.

use super::{
    moves::Grid,
    table::{Column, Row},
};

/// Names of the columns; those of `Column` that `has` not are left out.
pub(super) fn columns(grid: &Grid, has: impl Fn(Column) -> bool) -> Vec<String> {
    let own = ["action", "action_n", "replica", "cpu", "heap"];
    let measured = Column::ALL.into_iter().filter(|column| has(*column)).map(Column::published);
    let names = own.into_iter().chain(measured).chain(["reward", "sum_reward"]);
    let more = (!grid.cool_down.is_empty()).then_some("cool_down_minutes");
    names.chain(more).map(str::to_owned).collect()
}

/// The fields of a step that led to `row`, with its reward and the sum of those so far.
pub(super) fn fields(
    grid: &Grid,
    row: &Row,
    action: &[u32],
    rewards: [f64; 2],
    has: impl Fn(Column) -> bool,
) -> Vec<String> {
    let number = action.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    // Names of absolute configurations have commas.
    let mut fields = vec![grid.name(action).replace(',', " "), number];
    fields.extend([row.replicas, row.cpu, row.heap].map(|value| value.to_string()));
    for column in Column::ALL.into_iter().filter(|column| has(*column)) {
        let value = row.get(column);
        fields.push(if value.is_nan() { String::new() } else { value.to_string() });
    }
    fields.extend(rewards.map(|value| value.to_string()));
    if !grid.cool_down.is_empty() {
        fields.push(grid.minutes(action).to_string());
    }
    fields
}
