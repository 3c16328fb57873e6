//! A series as a row of Unicode bars.

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One bar a value, from 0 to `top`; what is not a number is a blank.
pub(crate) fn sparkline(values: &[f64], top: f64) -> String {
    let bar = |value: &f64| {
        if !value.is_finite() {
            return ' ';
        }
        let share = if top > 0.0 { (value / top).clamp(0.0, 1.0) } else { 0.0 };
        BARS[((share * BARS.len() as f64) as usize).min(BARS.len() - 1)]
    };
    values.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_is_the_highest_bar_and_nothing_the_lowest() {
        assert_eq!(sparkline(&[0.0, 0.5, 1.0, 2.0, f64::NAN], 1.0), "▁▅██ ");
        assert_eq!(sparkline(&[0.0, 0.0], 0.0), "▁▁");
    }
}
