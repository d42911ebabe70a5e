//! A reader of GraphQL documents: operations, fragments, arguments. Enough to know which fields are asked for.
//! It must not fail on anything but bad syntax, and must stay within its limits on any input.

use serde_json::{Map, Value};
use std::collections::HashMap;

/// How deep selections and values may nest.
const DEPTH: usize = 24;
/// How many fields a query may ask for once its fragments are put in.
const FIELDS: usize = 5_000;

/// A field that is asked for.
#[derive(Clone, Debug)]
pub(super) struct Field {
    alias: Option<String>,
    pub(super) name: String,
    /// With the values of variables put in.
    pub(super) arguments: Map<String, Value>,
    pub(super) fields: Vec<Field>,
}

impl Field {
    /// The name under which it is answered.
    pub(super) fn key(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.name)
    }
}

/// An operation.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) name: Option<String>,
    pub(super) is_mutation: bool,
    pub(super) fields: Vec<Field>,
}

enum Selection {
    Field { alias: Option<String>, name: String, arguments: Map<String, Value>, inner: Vec<Selection> },
    Spread(String),
    Inline(Vec<Selection>),
}

struct Operation {
    name: Option<String>,
    is_mutation: bool,
    selections: Vec<Selection>,
}

impl Query {
    /// Reads a document and takes the operation of that name, or the only one.
    pub(super) fn parse(
        text: &str,
        name: Option<&str>,
        variables: &Map<String, Value>,
    ) -> Result<Self, String> {
        let mut reader = Reader { tokens: tokens(text)?, at: 0, variables };
        let mut operations = Vec::new();
        let mut fragments = HashMap::new();
        while let Some(token) = reader.peek() {
            match token {
                Token::Name("fragment") => {
                    reader.at += 1;
                    let name = reader.name()?.to_owned();
                    reader.at += 2; // `on Type`
                    reader.directives()?;
                    fragments.insert(name, reader.selections(0)?);
                }
                _ => operations.push(reader.operation()?),
            }
        }
        let wanted =
            operations.iter().position(|operation| operation.name.as_deref() == name).unwrap_or_default();
        let operation = operations.into_iter().nth(wanted).ok_or("the document has no operation")?;
        let mut budget = FIELDS;
        let mut fields = Vec::new();
        for selection in &operation.selections {
            put(selection, &fragments, DEPTH, &mut budget, &mut fields)?;
        }
        Ok(Self { name: operation.name, is_mutation: operation.is_mutation, fields })
    }
}

fn put(
    selection: &Selection,
    fragments: &HashMap<String, Vec<Selection>>,
    depth: usize,
    budget: &mut usize,
    into: &mut Vec<Field>,
) -> Result<(), String> {
    let depth = depth.checked_sub(1).ok_or("the query is too deep")?;
    *budget = budget.checked_sub(1).ok_or("the query asks for too many fields")?;
    match selection {
        Selection::Field { alias, name, arguments, inner } => {
            let mut fields = Vec::new();
            for selection in inner {
                put(selection, fragments, depth, budget, &mut fields)?;
            }
            into.push(Field {
                alias: alias.clone(),
                name: name.clone(),
                arguments: arguments.clone(),
                fields,
            });
        }
        Selection::Spread(name) => {
            let fragment = fragments.get(name).ok_or_else(|| format!("unknown fragment '{name}'"))?;
            for selection in fragment {
                put(selection, fragments, depth, budget, into)?;
            }
        }
        Selection::Inline(inner) => {
            for selection in inner {
                put(selection, fragments, depth, budget, into)?;
            }
        }
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Token<'a> {
    Name(&'a str),
    Number(&'a str),
    /// A string as it is written, without its quotes.
    Text(&'a str),
    Mark(char),
    Spread,
}

fn tokens(text: &str) -> Result<Vec<Token<'_>>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            ' ' | '\t' | '\r' | '\n' | ',' | '\u{feff}' => first.len_utf8(),
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' => {
                let (content, length) = string(rest).ok_or("a string does not end")?;
                tokens.push(Token::Text(content));
                length
            }
            '.' if rest.starts_with("...") => {
                tokens.push(Token::Spread);
                3
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                let length = span(rest, |c| c.is_ascii_alphanumeric() || c == '_');
                tokens.push(Token::Name(&rest[..length]));
                length
            }
            '0'..='9' | '-' => {
                let length = span(rest, |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'));
                tokens.push(Token::Number(&rest[..length]));
                length
            }
            '{' | '}' | '(' | ')' | '[' | ']' | ':' | '$' | '!' | '@' | '=' | '|' | '&' => {
                tokens.push(Token::Mark(first));
                1
            }
            other => return Err(format!("unexpected character '{}'", other.escape_default())),
        };
        rest = &rest[length..];
    }
    Ok(tokens)
}

fn span(text: &str, fits: impl Fn(char) -> bool) -> usize {
    text.find(|c| !fits(c)).unwrap_or(text.len())
}

fn string(text: &str) -> Option<(&str, usize)> {
    if let Some(block) = text.strip_prefix("\"\"\"") {
        let end = block.find("\"\"\"")?;
        return Some((&block[..end], end + 6));
    }
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return Some((&text[1..at], at + 1)),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}

struct Reader<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
    variables: &'a Map<String, Value>,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.at).copied()
    }

    fn next(&mut self) -> Result<Token<'a>, String> {
        let token = self.peek().ok_or("the document ends too early")?;
        self.at += 1;
        Ok(token)
    }

    fn is(&mut self, mark: char) -> bool {
        let is = self.peek() == Some(Token::Mark(mark));
        self.at += usize::from(is);
        is
    }

    fn name(&mut self) -> Result<&'a str, String> {
        match self.next()? {
            Token::Name(name) => Ok(name),
            other => Err(format!("a name was expected, not {other:?}")),
        }
    }

    fn operation(&mut self) -> Result<Operation, String> {
        let mut operation = Operation { name: None, is_mutation: false, selections: Vec::new() };
        if self.peek() != Some(Token::Mark('{')) {
            operation.is_mutation = match self.name()? {
                "query" => false,
                "mutation" => true,
                other => return Err(format!("an operation was expected, not '{other}'")),
            };
            if let Some(Token::Name(name)) = self.peek() {
                operation.name = Some(name.to_owned());
                self.at += 1;
            }
            if self.is('(') {
                while !self.is(')') {
                    self.next()?;
                }
            }
            self.directives()?;
        }
        operation.selections = self.selections(0)?;
        Ok(operation)
    }

    fn directives(&mut self) -> Result<(), String> {
        while self.is('@') {
            self.name()?;
            self.arguments()?;
        }
        Ok(())
    }

    fn selections(&mut self, depth: usize) -> Result<Vec<Selection>, String> {
        if depth > DEPTH {
            return Err("the query is too deep".to_owned());
        }
        if !self.is('{') {
            return Err("a selection was expected".to_owned());
        }
        let mut selections = Vec::new();
        while !self.is('}') {
            selections.push(self.selection(depth + 1)?);
        }
        Ok(selections)
    }

    fn selection(&mut self, depth: usize) -> Result<Selection, String> {
        if self.peek() == Some(Token::Spread) {
            self.at += 1;
            match self.peek() {
                Some(Token::Name("on")) => self.at += 2,
                Some(Token::Name(name)) => {
                    self.at += 1;
                    self.directives()?;
                    return Ok(Selection::Spread(name.to_owned()));
                }
                _ => {}
            }
            self.directives()?;
            return Ok(Selection::Inline(self.selections(depth)?));
        }
        let first = self.name()?.to_owned();
        let (alias, name) = if self.is(':') { (Some(first), self.name()?.to_owned()) } else { (None, first) };
        let arguments = self.arguments()?;
        self.directives()?;
        let inner = if self.peek() == Some(Token::Mark('{')) { self.selections(depth)? } else { Vec::new() };
        Ok(Selection::Field { alias, name, arguments, inner })
    }

    fn arguments(&mut self) -> Result<Map<String, Value>, String> {
        let mut arguments = Map::new();
        if self.is('(') {
            while !self.is(')') {
                let name = self.name()?.to_owned();
                self.colon()?;
                arguments.insert(name, self.value(0)?);
            }
        }
        Ok(arguments)
    }

    fn colon(&mut self) -> Result<(), String> {
        if self.is(':') { Ok(()) } else { Err("':' was expected".to_owned()) }
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth > DEPTH {
            return Err("a value is too deep".to_owned());
        }
        Ok(match self.next()? {
            Token::Mark('$') => self.variables.get(self.name()?).cloned().unwrap_or_default(),
            Token::Text(text) => serde_json::from_str(&format!("\"{text}\""))
                .unwrap_or_else(|_| Value::String(text.to_owned())),
            Token::Number(number) => {
                serde_json::from_str(number).map_err(|_| format!("'{number}' is no number"))?
            }
            Token::Name("true") => Value::Bool(true),
            Token::Name("false") => Value::Bool(false),
            Token::Name("null") => Value::Null,
            Token::Name(name) => Value::String(name.to_owned()),
            Token::Mark('[') => {
                let mut list = Vec::new();
                while !self.is(']') {
                    list.push(self.value(depth + 1)?);
                }
                Value::Array(list)
            }
            Token::Mark('{') => {
                let mut object = Map::new();
                while !self.is('}') {
                    let name = self.name()?.to_owned();
                    self.colon()?;
                    object.insert(name, self.value(depth + 1)?);
                }
                Value::Object(object)
            }
            other => return Err(format!("a value was expected, not {other:?}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(text: &str) -> Result<Query, String> {
        let variables = json!({ "id": "7", "size": 10 });
        Query::parse(text, Some("b"), variables.as_object().expect("an object"))
    }

    #[test]
    fn fields_aliases_arguments_and_fragments_are_read() {
        let query = parse(
            "query a { x } # comment\nquery b($id: String! = \"a\", $in: [Int!]) @live {\n shop: merchant(id: $id, list: [1, -2.5, TAB], \
             o: {a: \"q\\\"\", b: null}) { ...F ... on Merchant { name @skip(if: false) } } }\nfragment F on Merchant { id __typename }",
        )
        .expect("good syntax");
        assert_eq!((query.name.as_deref(), query.is_mutation), (Some("b"), false));
        let merchant = &query.fields[0];
        assert_eq!((merchant.key(), merchant.name.as_str()), ("shop", "merchant"));
        let arguments = json!({"id": "7", "list": [1, -2.5, "TAB"], "o": {"a": "q\"", "b": null}});
        assert_eq!(Value::Object(merchant.arguments.clone()), arguments);
        let names: Vec<&str> = merchant.fields.iter().map(Field::key).collect();
        assert_eq!(names, ["id", "__typename", "name"]);
    }

    #[test]
    fn bad_or_hostile_documents_are_refused() {
        let deep = "{a".repeat(10_000);
        let bomb: Vec<_> =
            (0..30).map(|n| format!("fragment F{n} on T {{ ...F{0} ...F{0} }}", n + 1)).collect();
        let bomb = bomb.join(" ");
        let documents = [
            "",
            "{",
            "{ a",
            "{ a(b) }",
            "{ a(b: }",
            "}",
            "query",
            "query b(",
            "{ ...F }",
            "{ \"a\" }",
            "subscription { a }",
            "{ a(b: \"c) }",
            "\u{0}",
            "{ ж }",
            "{ a(b: 1x) }",
            "fragment",
            "fragment F",
            "{ ... on",
            deep.as_str(),
            "fragment F on T { ...F } { ...F }",
            &format!("{bomb} fragment F30 on T {{ a }} {{ ...F0 }}"),
        ];
        for document in documents {
            assert!(parse(document).is_err(), "{}", &document[..document.len().min(60)]);
        }
    }
}
