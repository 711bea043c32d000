//! Users by name or number, from `/etc/passwd` and `/etc/group`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use netwright_confine as confine;

use crate::failure::{Failure, reason};

/// A user to run a command as.
pub(super) struct User {
    pub(super) ids: confine::User,
    name: String,
    pub(super) home: PathBuf,
}

impl User {
    /// The user of this name or number.
    pub(super) fn find(wanted: &str) -> Result<Self, Failure> {
        let read = |path: &str| fs::read(path).map(|text| String::from_utf8_lossy(&text).into_owned());
        let users = read("/etc/passwd")
            .map_err(|error| Failure::said(format!("cannot read the list of users: {}", reason(&error))))?;
        let mut user = user_in(&users, wanted).ok_or_else(|| {
            let said = Failure::said(format!("there is no user `{wanted}`"));
            said.with_help(Some("Name one of /etc/passwd, or give a number that is in it."))
        })?;
        user.ids.groups = groups_in(&read("/etc/group").unwrap_or_default(), &user.name, user.ids.gid);
        Ok(user)
    }

    /// Tells the command who it runs as.
    pub(super) fn describe_in(&self, command: &mut Command) {
        command.env("USER", &self.name).env("LOGNAME", &self.name).env("HOME", &self.home);
    }
}

/// A line of `/etc/passwd`: name, password, user, group, description, home, shell.
fn user_in(users: &str, wanted: &str) -> Option<User> {
    let by_number = wanted.parse::<u32>().ok();
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, uid, gid) = (fields.next()?, fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        let home = fields.nth(1)?.into();
        let is_it = name == wanted || by_number == Some(uid);
        is_it.then(|| User {
            ids: confine::User { uid, gid, groups: Vec::new() },
            name: name.to_owned(),
            home,
        })
    })
}

/// The groups of a user, its first one included. A line of `/etc/group`: name, password, number, members.
fn groups_in(groups: &str, name: &str, first: u32) -> Vec<u32> {
    let of_user = groups.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (number, members) = (fields.nth(2)?.parse().ok()?, fields.next()?);
        members.split(',').any(|member| member == name).then_some(number)
    });
    std::iter::once(first).chain(of_user.filter(|&number| number != first)).collect()
}

#[cfg(test)]
mod tests;
