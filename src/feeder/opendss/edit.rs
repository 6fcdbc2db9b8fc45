//! Adding, selecting and editing elements of any class.

use super::circuit::Element;
use super::class::{Class, ClassInfo};
use super::codes;
use super::interpreter::Interpreter;
use super::number::integer;
use super::pattern::Pattern;
use super::report::nearest;
use super::text::{Param, Params, Text};
use super::value::Value;
use crate::diagnostic::{Diagnostic, Span};

/// Most elements of a circuit.
const ELEMENTS: usize = 500_000;

/// Calls a generic method for the element type of a class; `$other` for classes without a model.
macro_rules! of_class {
    ($class:expr, $self:ident.$method:ident($($argument:expr),*), $other:expr) => {
        match $class {
            Class::LineCode => $self.$method::<super::line_code::LineCode>($($argument),*),
            Class::Wire => $self.$method::<super::wire::Conductor>($($argument),*),
            Class::ConcentricCable => $self.$method::<super::wire::ConcentricCable>($($argument),*),
            Class::TapeCable => $self.$method::<super::wire::TapeCable>($($argument),*),
            Class::Spacing => $self.$method::<super::geometry::Spacing>($($argument),*),
            Class::Geometry => $self.$method::<super::geometry::Geometry>($($argument),*),
            Class::TransformerCode => $self.$method::<super::transformer::TransformerCode>($($argument),*),
            Class::Line => $self.$method::<super::line::Line>($($argument),*),
            Class::Source => $self.$method::<super::source::Source>($($argument),*),
            Class::Load => $self.$method::<super::load::Load>($($argument),*),
            Class::Transformer => $self.$method::<super::transformer::Transformer>($($argument),*),
            Class::Regulator => $self.$method::<super::regulator::Regulator>($($argument),*),
            Class::Capacitor => $self.$method::<super::capacitor::Capacitor>($($argument),*),
            Class::Reactor => $self.$method::<super::reactor::Reactor>($($argument),*),
            Class::CapacitorControl => $self.$method::<super::capacitor::CapacitorControl>($($argument),*),
            Class::Fault => $self.$method::<super::fault::Fault>($($argument),*),
            Class::Generator => $self.$method::<super::generation::Generator>($($argument),*),
            Class::Storage => $self.$method::<super::generation::Storage>($($argument),*),
            Class::PvSystem => $self.$method::<super::generation::PvSystem>($($argument),*),
            Class::Switch => $self.$method::<super::switch::Switch>($($argument),*),
            Class::Shape => $self.$method::<super::shape::Shape>($($argument),*),
            Class::Curve => $self.$method::<super::shape::Curve>($($argument),*),
            Class::Spectrum => $self.$method::<super::spectrum::Spectrum>($($argument),*),
            Class::CurrentSource => $self.$method::<super::spectrum::CurrentSource>($($argument),*),
            Class::Other(_) => $other,
        }
    };
}

/// Classes that OpenDSS lets a script define before its circuit, and again after that.
fn is_general(class: Class) -> bool {
    matches!(
        class,
        Class::LineCode
            | Class::Wire
            | Class::ConcentricCable
            | Class::TapeCable
            | Class::Spacing
            | Class::Geometry
            | Class::TransformerCode
            | Class::Shape
            | Class::Curve
            | Class::Spectrum
    )
}

impl Interpreter {
    /// Adds an element, or selects one that may be defined again. `false` when there is nothing to edit.
    pub(super) fn add(&mut self, info: &'static ClassInfo, name: Text<'_>) -> Value<bool> {
        if !is_general(info.class) && self.session.circuit.name.is_none() {
            let error = Diagnostic::error(codes::CIRCUIT, format!("there is no circuit yet for a {}", info.name));
            return Err(error.at(name.span()).help("begin with: new circuit.name"));
        }
        if self.session.circuit.len() >= ELEMENTS {
            return Err(Diagnostic::error(codes::LIMIT, format!("more than {ELEMENTS} elements")).at(name.span()));
        }
        of_class!(info.class, self.add_to(info, name), Ok(false))
    }

    fn add_to<T: Element>(&mut self, info: &'static ClassInfo, name: Text<'_>) -> Value<bool> {
        let key = name.trimmed().lower();
        if T::store(&mut self.session.circuit).select(&key).is_none() {
            let value = T::new(&self.session);
            T::store(&mut self.session.circuit).add(&key, value, name.span());
            return Ok(true);
        }
        if is_general(info.class) {
            return Ok(true);
        }
        let error = Diagnostic::error(codes::DUPLICATE, format!("there is a {} \"{key}\" already", info.name));
        Err(error.at(name.span()).help("OpenDSS would ignore this line; use edit to change an element"))
    }

    /// Makes an element the active one.
    pub(super) fn select_in(&mut self, info: &'static ClassInfo, name: Text<'_>) -> Value<()> {
        self.active = Some(info);
        of_class!(info.class, self.select_of(info, name), Ok(()))
    }

    fn select_of<T: Element>(&mut self, info: &'static ClassInfo, name: Text<'_>) -> Value<()> {
        let found = T::store(&mut self.session.circuit).select(&name.trimmed().lower());
        if found.is_some() {
            return Ok(());
        }
        let store = T::store(&mut self.session.circuit);
        let mut error = Diagnostic::error(codes::REFERENCE, format!("there is no {} \"{}\"", info.name, name.shown()));
        if let Some(help) = nearest(name.str, store.names()) {
            error = error.help(help);
        }
        store.active = None;
        Err(error.at(name.span()))
    }

    /// Edits the active element of the active class.
    pub(super) fn edit_active(&mut self, first: Option<Param<'_>>, params: Params<'_>, at: Span) -> Value<()> {
        let Some(info) = self.active else {
            return Err(Diagnostic::error(codes::ELEMENT, "there is no element that this could go on with").at(at));
        };
        of_class!(info.class, self.edit(info, first, params), {
            self.check_names(info, first, params);
            Ok(())
        })
    }

    fn edit<T: Element>(
        &mut self,
        info: &'static ClassInfo,
        first: Option<Param<'_>>,
        params: Params<'_>,
    ) -> Value<()> {
        // Without an active element the line before went wrong already.
        let store = T::store(&mut self.session.circuit);
        let Some(index) = store.active else { return Ok(()) };
        if std::mem::take(&mut store.by_like)
            && let Some((name, _)) = store.items.get_index(index)
        {
            let message =
                format!("OpenDSS goes on with {} \"{name}\" here: like= has made it the active one", info.name);
            let span = first.map_or_else(|| params.rest().span(), |param| param.name.span());
            let warning = Diagnostic::warning(codes::AFTER_LIKE, message).at(span);
            self.session.report.add(warning.help("write the properties on the same line as like="));
        }
        self.edit_at::<T>(info, index, first, params)
    }

    fn edit_at<T: Element>(
        &mut self,
        info: &'static ClassInfo,
        index: usize,
        first: Option<Param<'_>>,
        mut params: Params<'_>,
    ) -> Value<()> {
        let Some((_, entry)) = T::store(&mut self.session.circuit).items.get_index_mut(index) else { return Ok(()) };
        let mut value = std::mem::take(&mut entry.value);
        value.begin();
        let mut position = 0;
        let mut next = first;
        loop {
            let param = next.take().unwrap_or_else(|| params.next());
            if param.value.str.is_empty() {
                self.rest_is_ignored(&params);
                break;
            }
            let Some(property) = self.property(info, &param, &mut position) else { continue };
            let (name, key) = info.properties[property];
            let done = match name {
                "like" => self.like(&mut value, index, info, param.value),
                "enabled" => {
                    let enabled = self.session.yes(param.value);
                    self.entry::<T>(index, |entry| entry.enabled = enabled);
                    Ok(())
                }
                _ => value.set(name, param.value, &mut self.session),
            };
            self.session.report.ok(done);
            self.entry::<T>(index, |entry| entry.remember(key, param.value.span()));
        }
        let done = value.finish(&mut self.session);
        self.session.report.ok(done);
        self.entry::<T>(index, |entry| entry.value = value);
        Ok(())
    }

    fn entry<T: Element>(&mut self, index: usize, change: impl FnOnce(&mut super::store::Entry<T>)) {
        if let Some((_, entry)) = T::store(&mut self.session.circuit).items.get_index_mut(index) {
            change(entry);
        }
    }

    fn like<T: Element>(&mut self, value: &mut T, index: usize, info: &ClassInfo, text: Text<'_>) -> Value<()> {
        let name = text.trimmed().lower();
        let store = T::store(&mut self.session.circuit);
        match store.items.get_full(&name) {
            Some((other, ..)) if other == index => {}
            Some((other, _, entry)) => {
                value.like(&entry.value);
                // OpenDSS's search makes the element it finds the active one of its class.
                (store.active, store.by_like) = (Some(other), true);
            }
            None => {
                let message = format!("there is no {} \"{}\" to be like", info.name, text.shown());
                let mut error = Diagnostic::error(codes::REFERENCE, message);
                if let Some(help) = nearest(&name, store.names()) {
                    error = error.help(help);
                }
                return Err(error.at(text.span()));
            }
        }
        self.entry::<T>(index, |entry| entry.enabled = true);
        Ok(())
    }

    /// The property that a parameter sets: by name, or the one after the last.
    fn property(&mut self, info: &ClassInfo, param: &Param<'_>, position: &mut usize) -> Option<usize> {
        let name = param.name.str;
        let found = if name.is_empty() { Some(*position) } else { info.property(name) };
        let found = found.filter(|i| *i < info.properties.len());
        *position = found.map_or(0, |i| i + 1);
        if found.is_none() {
            let text = if name.is_empty() { param.value } else { param.name };
            let message = if name.is_empty() {
                format!("a {} has no property for this value", info.name)
            } else {
                format!("a {} has no property \"{}\"", info.name, text.shown())
            };
            let mut error = Diagnostic::error(codes::PROPERTY, message);
            if let Some(help) = nearest(name, info.properties.iter().map(|(p, _)| *p)).filter(|_| !name.is_empty()) {
                error = error.help(help);
            }
            self.session.report.add(error.at(text.span()));
        }
        found
    }

    fn check_names(&mut self, info: &'static ClassInfo, first: Option<Param<'_>>, mut params: Params<'_>) {
        let (mut position, mut next) = (0, first);
        while !info.properties.is_empty() {
            let param = next.take().unwrap_or_else(|| params.next());
            if param.value.str.is_empty() {
                return;
            }
            self.property(info, &param, &mut position);
        }
    }

    fn rest_is_ignored(&mut self, params: &Params<'_>) {
        let rest = params.rest().trimmed();
        if !rest.str.is_empty() && !rest.str.starts_with('!') && !rest.str.starts_with("//") {
            let message = "an empty value ends the line: OpenDSS does not read the rest";
            self.session.report.warning(codes::REST_IGNORED, message, rest.span());
        }
    }

    /// `batchedit class.pattern property=value …`.
    pub(super) fn batch_edit(&mut self, mut params: Params<'_>) -> Value<()> {
        let object = params.next().value;
        let Some((class, _)) = object.str.split_once('.') else {
            return Err(Diagnostic::error(codes::ELEMENT, "class.pattern is expected here").at(object.span()));
        };
        let info = self.class(Some(object.part(0..class.len())), object)?;
        let text = object.part(class.len() + 1..object.str.len());
        let pattern = Pattern::new(text.str).ok_or_else(|| {
            let message = "this pattern is not supported; letters, digits, . * + ? ^ $ and [...] are";
            Diagnostic::error(codes::PATTERN, message).at(text.span())
        })?;
        self.active = Some(info);
        of_class!(info.class, self.batch_edit_of(info, &pattern, params), Ok(()))
    }

    fn batch_edit_of<T: Element>(
        &mut self,
        info: &'static ClassInfo,
        pattern: &Pattern,
        params: Params<'_>,
    ) -> Value<()> {
        let elements = T::store(&mut self.session.circuit).items.len();
        self.session.go_through(elements, params.rest().span())?;
        for index in 0..elements {
            if self.session.report.is_full() {
                break;
            }
            let items = &T::store(&mut self.session.circuit).items;
            if items.get_index(index).is_some_and(|(name, _)| pattern.matches(name)) {
                self.edit_at::<T>(info, index, None, params.clone())?;
            }
        }
        Ok(())
    }

    /// `enable class.name` and `disable class.name`, or `class.*`.
    pub(super) fn enable(&mut self, mut params: Params<'_>, enabled: bool) -> Value<()> {
        let object = params.next().value;
        let Some((class, name)) = object.str.split_once('.') else {
            return Err(Diagnostic::error(codes::ELEMENT, "class.name is expected here").at(object.span()));
        };
        let info = self.class(Some(object.part(0..class.len())), object)?;
        if name == "*" {
            return of_class!(info.class, self.enable_all(enabled, object.span()), Ok(()));
        }
        self.select_in(info, object.part(class.len() + 1..object.str.len()))?;
        of_class!(info.class, self.enable_active(enabled), Ok(()))
    }

    fn enable_all<T: Element>(&mut self, enabled: bool, at: Span) -> Value<()> {
        let elements = T::store(&mut self.session.circuit).items.len();
        self.session.go_through(elements, at)?;
        T::store(&mut self.session.circuit).items.values_mut().for_each(|e| e.enabled = enabled);
        Ok(())
    }

    #[allow(clippy::unnecessary_wraps, reason = "called like the other methods of every class")]
    fn enable_active<T: Element>(&mut self, enabled: bool) -> Value<()> {
        if let Some(index) = T::store(&mut self.session.circuit).active {
            self.entry::<T>(index, |entry| entry.enabled = enabled);
        }
        Ok(())
    }

    /// `open class.name terminal conductor` and `close …`.
    pub(super) fn open_or_close(&mut self, mut params: Params<'_>, open: bool) -> Value<()> {
        let object = params.next().value;
        let element = self.session.element(object)?;
        let mut index = || -> Value<i64> {
            let value = params.next().value;
            if value.str.is_empty() { Ok(0) } else { integer(value) }
        };
        let (terminal, conductor) = (index()?, index()?);
        if conductor != 0 && self.session.phases(&element) != Some(1) {
            let message = "opening single conductors is not supported";
            return Err(Diagnostic::error(codes::COMMAND_UNSUPPORTED, message).at(object.span()));
        }
        self.session.set_open(&element, u8::try_from(terminal).unwrap_or(1), open);
        Ok(())
    }
}
