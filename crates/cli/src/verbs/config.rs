//! `trimtab config`: the configuration that a run would have.

use crate::{
    output::{Ending, Output},
    settings::{ConfigArgs, Settings},
};
use anyhow::Result;
use clap::Args;

/// Print the resolved configuration as TOML
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  trimtab config --set ppo.gamma=0.95 > my.toml")]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

/// See [`ShowArgs`].
pub(crate) fn run(args: &ShowArgs, output: Output) -> Result<Ending> {
    let config = Settings::new(&args.config)?.resolve()?;
    output.result(&config, || config.to_toml())?;
    Ok(Ending::Fine)
}
