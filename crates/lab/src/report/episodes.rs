//! Rewards of episodes, one after the other, as a picture of its own.
//!
//! Left out: steps within episodes.

use super::axis::Axis;
use super::palette::{OURS_AND_PEERS, TRAFFIC};
use super::plot::Frame;

/// Episodes that the thick line is a mean of (gym-hpa's `smoothing_window`).
const WINDOW: usize = 5;

/// The reward of each episode, thin, and the mean of the last five, thick. An SVG file with a white ground.
pub fn episode_rewards(rewards: &[f64]) -> String {
    let x = Axis::from_zero([rewards.len() as f64], 5);
    let y = Axis::over(rewards.iter().copied(), 5);
    let episode = |at: usize| (at + 1) as f64;
    let smooth = rewards.windows(WINDOW).enumerate().map(|(at, window)| {
        let mean = window.iter().sum::<f64>() / WINDOW as f64;
        (episode(at + WINDOW - 1), mean)
    });
    let frame = Frame { width: 640, height: 300, left: 64, x_title: "Episode", x, y };
    let picture = frame.draw(|canvas| {
        canvas.line(rewards.iter().enumerate().map(|(at, reward)| (episode(at), *reward)), TRAFFIC, 1.0);
        canvas.line(smooth, OURS_AND_PEERS[0], 2.0);
        canvas.text("Reward", (70, 18));
    });
    picture.into_string().replacen('>', "><rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewards_are_drawn_with_their_rolling_mean() {
        let rewards: Vec<f64> = (0..20).map(|at| f64::from(at % 5)).collect();
        let picture = episode_rewards(&rewards);
        assert!(picture.starts_with("<svg") && picture.contains("Episode") && picture.contains("Reward"));
        let points = |line: &str| {
            let after = line.split("points=\"").nth(1).unwrap_or_default();
            after.split('"').next().unwrap_or_default().split_whitespace().count()
        };
        let lines: Vec<usize> = picture.split("<polyline").skip(1).map(points).collect();
        assert!(lines.contains(&20) && lines.contains(&16), "{lines:?}");
    }
}
