//! Source text: files, byte spans into them, and lines. Every diagnostic points into a [`SourceMap`].

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file of a [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

/// A range of bytes in a file. Empty spans are allowed; rendering widens them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file that the range lies in.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span from a byte range. Offsets past 4 GiB saturate; files of that size are refused before they are read.
    pub fn new(file: FileId, range: Range<usize>) -> Self {
        let start = u32::try_from(range.start).unwrap_or(u32::MAX);
        let end = u32::try_from(range.end).unwrap_or(u32::MAX).max(start);
        Self { file, start, end }
    }

    /// The byte range.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The smallest span that holds both. Both must lie in one file.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        debug_assert_eq!(self.file, other.file);
        Self { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A value and where it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// A value with its place.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    /// The same place with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: change(self.value), span: self.span }
    }
}

/// One file's name, text and line index.
#[derive(Clone, Debug)]
pub struct SourceFile {
    path: PathBuf,
    text: Arc<str>,
    line_starts: Vec<u32>,
    /// Characters that begin before each multiple of [`STRIDE`] bytes: columns far out in a long line are not counted from its beginning.
    characters: Vec<u32>,
}

/// Bytes between two places whose characters are counted once and for all.
const STRIDE: usize = 256;

impl SourceFile {
    /// The path as the user would write it: how it is shown.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole text.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Line and column of a byte offset, both from 1; the column counts characters. Offsets past the end are taken as the end.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let offset = floor_char_boundary(&self.text, offset);
        let line = self.line_starts.partition_point(|&start| start as usize <= offset);
        let start = self.line_starts[line - 1] as usize;
        (line, self.characters_before(offset) - self.characters_before(start) + 1)
    }

    fn characters_before(&self, offset: usize) -> usize {
        let counted = offset / STRIDE;
        self.characters[counted] as usize + characters(&self.text.as_bytes()[counted * STRIDE..offset])
    }
}

/// All texts of one invocation: the plan and the compose files it names.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// Adds a text under the path it is shown with.
    pub fn add(&mut self, path: impl Into<PathBuf>, text: impl Into<Arc<str>>) -> FileId {
        let text = text.into();
        let mut line_starts = vec![0];
        line_starts
            .extend(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| u32::try_from(at + 1).unwrap_or(u32::MAX)));
        let counted = text.as_bytes().chunks(STRIDE).scan(0, |before, chunk| {
            *before += u32::try_from(characters(chunk)).unwrap_or(u32::MAX);
            Some(*before)
        });
        let characters = std::iter::once(0).chain(counted).collect();
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(SourceFile { path: path.into(), text, line_starts, characters });
        id
    }

    /// The file of an id that this map gave out.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// The id of the file shown as `path`.
    pub fn find(&self, path: &Path) -> Option<FileId> {
        self.files.iter().position(|file| file.path == path).map(|at| FileId(u32::try_from(at).unwrap_or(u32::MAX)))
    }

    /// The text of a span, clamped to its file.
    pub fn slice(&self, span: Span) -> &str {
        let clamped = self.clamp(span);
        &self.file(span.file).text[clamped.range()]
    }

    /// The span moved inside its file and onto character boundaries, so that no renderer can trip over it.
    pub fn clamp(&self, span: Span) -> Span {
        let text = &self.file(span.file).text;
        let start = floor_char_boundary(text, span.start as usize);
        let end = floor_char_boundary(text, span.end as usize).max(start);
        Span::new(span.file, start..end)
    }
}

/// How many characters begin in these bytes of a text.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

fn floor_char_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_in_characters() {
        let mut map = SourceMap::default();
        let id = map.add("a", "é\nxy");
        assert_eq!(map.file(id).line_column(0), (1, 1));
        assert_eq!(map.file(id).line_column(2), (1, 2));
        assert_eq!(map.file(id).line_column(4), (2, 2));
        assert_eq!(map.file(id).line_column(99), (2, 3));
    }

    #[test]
    fn columns_of_a_long_line_are_right() {
        let text = "x\n".to_owned() + &"é漢a".repeat(1000);
        let mut map = SourceMap::default();
        let id = map.add("a", text.as_str());
        for (at, _) in text.char_indices().skip(2).chain([(text.len(), ' ')]) {
            assert_eq!(map.file(id).line_column(at), (2, text[2..at].chars().count() + 1));
        }
    }

    #[test]
    fn spans_are_clamped_to_the_file_and_to_characters() {
        let mut map = SourceMap::default();
        let id = map.add("a", "é");
        assert_eq!(map.clamp(Span::new(id, 1..9)).range(), 0..2);
        assert_eq!(map.slice(Span::new(id, 0..9)), "é");
    }
}
