//! SPDX licence expressions: `MIT OR (Apache-2.0 AND ISC)`.

/// Whether an expression can be met with licences that `accept` takes; the error says what it cannot be met for.
///
/// An exception (`WITH`) only permits more, so the licence alone decides. The old `MIT/Apache-2.0` means `OR`.
pub(crate) fn satisfied(expression: &str, accept: impl Fn(&str) -> bool) -> Result<(), String> {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut parser = Parser { words: spaced.split_whitespace().peekable(), accept };
    let met = parser.any()?;
    match (parser.words.next(), met) {
        (Some(word), _) => Err(format!("«{expression}» goes on with «{word}» where it should end")),
        (None, false) => Err(format!("«{expression}» is not on the list")),
        (None, true) => Ok(()),
    }
}

struct Parser<'a, W: Iterator<Item = &'a str>, A> {
    words: std::iter::Peekable<W>,
    accept: A,
}

impl<'a, W: Iterator<Item = &'a str>, A: Fn(&str) -> bool> Parser<'a, W, A> {
    fn any(&mut self) -> Result<bool, String> {
        let mut met = self.all()?;
        while self.words.next_if_eq(&"OR").is_some() {
            met |= self.all()?;
        }
        Ok(met)
    }

    fn all(&mut self) -> Result<bool, String> {
        let mut met = self.one()?;
        while self.words.next_if_eq(&"AND").is_some() {
            met &= self.one()?;
        }
        Ok(met)
    }

    fn one(&mut self) -> Result<bool, String> {
        match self.words.next() {
            Some("(") => {
                let met = self.any()?;
                self.words.next_if_eq(&")").ok_or("a parenthesis is not closed")?;
                Ok(met)
            }
            Some(word) if !["OR", "AND", "WITH", ")"].contains(&word) => {
                if self.words.next_if_eq(&"WITH").is_some() {
                    self.words.next().ok_or("an exception is missing after «WITH»")?;
                }
                Ok((self.accept)(word))
            }
            Some(word) => Err(format!("«{word}» stands where a licence should")),
            None => Err("no licence is stated".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
