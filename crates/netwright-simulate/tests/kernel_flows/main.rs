//! Host files with flows, tried in the kernel: what is reported is what the rules do.

mod oracle;

use netwright_lab::{Lab, Outcome, ensure, kernel_tests};

use oracle::{repository, simulate_file};

fn the_router_of_the_examples_does_what_it_says(_: &mut Lab) -> Outcome {
    let path = repository("examples/router.toml");
    let report = simulate_file(&path, &std::fs::read_to_string(&path)?)?;
    eprintln!("{report}");
    ensure!(report.passed(), "{report}");
    Ok(())
}

fn the_server_of_the_examples_does_what_it_says(_: &mut Lab) -> Outcome {
    let path = repository("examples/host.toml");
    let report = simulate_file(&path, &std::fs::read_to_string(&path)?)?;
    eprintln!("{report}");
    ensure!(report.passed(), "{report}");
    Ok(())
}

kernel_tests! {
    the_router_of_the_examples_does_what_it_says,
    the_server_of_the_examples_does_what_it_says,
}
