//! `netwright netns`.

use std::ffi::OsString;

use clap::{Args, Subcommand};

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  netwright netns add blue
  netwright netns exec blue -- sh
  netwright list --netns blue
  netwright netns delete blue")]
pub(crate) struct Netns {
    #[command(subcommand)]
    pub(crate) verb: NetnsVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NetnsVerb {
    /// Make network namespaces that last until they are deleted
    #[command(visible_alias = "create")]
    Add {
        /// Names to give them
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Show the names
    #[command(visible_alias = "ls")]
    List {
        /// Print JSON: an array of names
        #[arg(short, long)]
        json: bool,
    },
    /// Run a command inside; its exit status is that of the command, or 126 and 127 where it cannot be run
    #[command(after_help = "\
Example:
  netwright netns exec blue -- ping -c1 192.0.2.1

In a mount namespace of its own the command sees the interfaces of the network namespace in /sys, and the files of \
/etc/netns/NAME over those of /etc.")]
    Exec {
        /// The namespace
        name: String,
        /// The command with its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
        command: Vec<OsString>,
    },
    /// Take names away; a namespace ends with the last process in it
    #[command(visible_alias = "del")]
    Delete {
        /// Names
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
}
