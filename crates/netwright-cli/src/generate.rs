//! Texts made from what the program knows of itself: schemas, completions, the manual page.

use std::io::Write;
use std::process::ExitCode;

use clap::CommandFactory;
use netwright_sandbox::Policy;

use crate::arguments::{Arguments, Completions, Schema, SchemaOf};
use crate::failure::Done;
use crate::output;

/// `netwright schema`.
pub(crate) fn schema(arguments: &Schema) -> Done {
    match arguments.format {
        SchemaOf::Host => output::json(&netwright_state::schema())?,
        SchemaOf::Plan => output::json(&netwright_state::plan_schema())?,
        SchemaOf::Policy => return print(Policy::schema().as_bytes()),
    }
    Ok(ExitCode::SUCCESS)
}

/// `netwright completions`.
pub(crate) fn completions(arguments: &Completions) -> Done {
    // the generator itself panics where it cannot write
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "netwright", &mut script);
    print(&script)
}

/// `netwright man`.
pub(crate) fn man() -> Done {
    let mut page = Vec::new();
    clap_mangen::Man::new(Arguments::command()).render(&mut page)?;
    print(&page)
}

fn print(text: &[u8]) -> Done {
    let mut out = std::io::stdout().lock();
    out.write_all(text)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
