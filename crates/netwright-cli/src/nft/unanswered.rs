//! Questions that are not answered.

use crate::failure::Failure;

/// Why a question is not answered.
pub(super) enum Unanswered {
    /// It could not be asked, or the answer not be written.
    Refused(Failure),
    /// What it is about is not there, or it is no question that can be answered: what, and what to do.
    Unknown(String, Option<String>),
    /// What is named is not there: the name, a sentence about it, and what to do.
    Missing(String, String, Option<String>),
}

impl<T: Into<Failure>> From<T> for Unanswered {
    fn from(failure: T) -> Self {
        Unanswered::Refused(failure.into())
    }
}
