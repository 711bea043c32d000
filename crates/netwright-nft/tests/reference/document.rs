//! Pages of Markdown, as far as the tests need them: blocks of code, generated tables, headings and links.

/// A block of code.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// What stands behind the fence.
    pub(crate) info: String,
    /// The lines between the fences.
    pub(crate) body: String,
    /// The line of its opening fence, from 1.
    pub(crate) line: usize,
}

#[derive(Debug)]
enum Piece {
    Prose(String),
    Code(Block),
    Table { name: String, body: String },
}

/// A page in pieces.
#[derive(Debug)]
pub(crate) struct Page(Vec<Piece>);

const FENCE: &str = "```";

impl Page {
    pub(crate) fn read(text: &str) -> Page {
        let mut pieces = vec![Piece::Prose(String::new())];
        let mut lines = text.lines().enumerate();
        while let Some((number, line)) = lines.next() {
            if let Some(info) = line.strip_prefix(FENCE) {
                let body = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != FENCE);
                let body = body.map(|line| format!("{line}\n")).collect();
                pieces.push(Piece::Code(Block { info: info.to_owned(), body, line: number + 1 }));
                pieces.push(Piece::Prose(String::new()));
            } else if let Some(name) =
                line.strip_prefix("<!-- table ").and_then(|rest| rest.strip_suffix(" -->"))
            {
                let body = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "<!-- end -->");
                let body = body.map(|line| format!("{line}\n")).collect();
                pieces.push(Piece::Table { name: name.to_owned(), body });
                pieces.push(Piece::Prose(String::new()));
            } else if let Some(Piece::Prose(prose)) = pieces.last_mut() {
                prose.push_str(line);
                prose.push('\n');
            }
        }
        Page(pieces)
    }

    pub(crate) fn text(&self) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Prose(prose) => prose.clone(),
            Piece::Code(Block { info, body, .. }) => format!("{FENCE}{info}\n{body}{FENCE}\n"),
            Piece::Table { name, body } => format!("<!-- table {name} -->\n{body}<!-- end -->\n"),
        };
        self.0.iter().map(piece).collect()
    }

    pub(crate) fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.0.iter().filter_map(|piece| if let Piece::Code(block) = piece { Some(block) } else { None })
    }

    pub(crate) fn block_numbers(&self) -> impl Iterator<Item = usize> {
        let is_code = |(number, piece): (usize, &Piece)| matches!(piece, Piece::Code(_)).then_some(number);
        self.0.iter().enumerate().filter_map(is_code)
    }

    pub(crate) fn block(&self, number: usize) -> &Block {
        let Some(Piece::Code(block)) = self.0.get(number) else { panic!("piece {number} is no code") };
        block
    }

    pub(crate) fn block_mut(&mut self, number: usize) -> &mut Block {
        let Some(Piece::Code(block)) = self.0.get_mut(number) else { panic!("piece {number} is no code") };
        block
    }

    pub(crate) fn table_names(&self) -> Vec<String> {
        let name =
            |piece: &Piece| if let Piece::Table { name, .. } = piece { Some(name.clone()) } else { None };
        self.0.iter().filter_map(name).collect()
    }

    pub(crate) fn set_table(&mut self, wanted: &str, text: &str) {
        for piece in &mut self.0 {
            if let Piece::Table { name, body } = piece
                && name == wanted
            {
                text.clone_into(body);
            }
        }
    }

    fn prose(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter_map(|piece| if let Piece::Prose(prose) = piece { Some(prose.as_str()) } else { None })
    }

    /// Targets of links within the documentation.
    pub(crate) fn links(&self) -> Vec<String> {
        let targets = self.prose().flat_map(|prose| prose.split("](").skip(1));
        let targets = targets.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target.to_owned());
        targets.filter(|target| !target.contains("://")).collect()
    }

    /// The headings as anchors.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let headings = self.prose().flat_map(str::lines).filter(|line| line.starts_with('#'));
        headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
    }
}

/// A heading as the usual renderers of Markdown make an anchor of it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}
