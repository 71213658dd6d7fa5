//! The columns that statements and conditions touch, each declared once.

use spanmill_sdk::{
    AttributeField, CellField, Context, Contract, ListField, NarrowField, TextField, TraceIdField,
    WideField, WriteField, attribute_path, attributes_path,
};

/// How a column is read from a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Handle {
    Text(TextField),
    Narrow(NarrowField),
    Wide(WideField),
    TraceId(TraceIdField),
    Cells(CellField),
    Attribute(AttributeField),
    Entries(ListField),
    /// A map of each row that lives as long as its statements run.
    Cache,
}

/// A declared column.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub context: Context,
    pub handle: Handle,
    /// Its path in a contract.
    pub path: String,
    /// Set if a statement writes it.
    pub write: Option<WriteField>,
}

/// Which column, and which of its entries if it is a whole attribute list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub slot: usize,
    /// Which of [`Slots::keys`].
    pub key: Option<usize>,
}

/// Every declared column.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slots {
    pub list: Vec<Slot>,
    /// Keys that are looked up in whole attribute lists.
    pub keys: Vec<String>,
    /// The contexts whose attributes are read as whole lists, whatever is asked of them: statements that write single
    /// attributes and such that write all must see each other's work.
    pub whole: Vec<Context>,
    /// Tells these statements from others.
    pub salt: u64,
}

impl Slots {
    fn slot(&mut self, context: Context, handle: Handle, path: String) -> Place {
        let same = |slot: &Slot| slot.handle == handle && slot.context == context;
        let slot = match self.list.iter().position(same) {
            Some(known) => known,
            None => {
                self.list.push(Slot {
                    context,
                    handle,
                    path,
                    write: None,
                });
                self.list.len() - 1
            }
        };
        Place { slot, key: None }
    }

    pub(crate) fn text(&mut self, contract: &mut Contract, context: Context, path: &str) -> Place {
        let handle = Handle::Text(contract.read_text(path));
        self.slot(context, handle, path.to_owned())
    }

    pub(crate) fn narrow(
        &mut self,
        contract: &mut Contract,
        context: Context,
        path: &str,
    ) -> Place {
        let handle = Handle::Narrow(contract.read_narrow(path));
        self.slot(context, handle, path.to_owned())
    }

    pub(crate) fn wide(&mut self, contract: &mut Contract, context: Context, path: &str) -> Place {
        let handle = Handle::Wide(contract.read_wide(path));
        self.slot(context, handle, path.to_owned())
    }

    pub(crate) fn trace_id(
        &mut self,
        contract: &mut Contract,
        context: Context,
        path: &str,
    ) -> Place {
        let handle = Handle::TraceId(contract.read_trace_id(path));
        self.slot(context, handle, path.to_owned())
    }

    pub(crate) fn cells(&mut self, contract: &mut Contract, context: Context, path: &str) -> Place {
        let handle = Handle::Cells(contract.read_cells(path));
        self.slot(context, handle, path.to_owned())
    }

    /// A header of the request.
    pub(crate) fn metadata(&mut self, contract: &mut Contract, header: &str) -> Place {
        let handle = Handle::Attribute(contract.read_metadata(header));
        self.slot(Context::Resource, handle, "request.metadata".to_owned())
    }

    /// The address of the request's sender.
    pub(crate) fn client_address(&mut self, contract: &mut Contract) -> Place {
        let handle = Handle::Text(contract.read_client_address());
        self.slot(
            Context::Resource,
            handle,
            "request.client.address".to_owned(),
        )
    }

    /// A map that each row of a context has while statements run.
    pub(crate) fn cache(&mut self, context: Context) -> Place {
        self.slot(context, Handle::Cache, String::new())
    }

    /// A whole attribute list.
    pub(crate) fn entries(&mut self, contract: &mut Contract, context: Context) -> Place {
        let handle = Handle::Entries(contract.read_attributes(context));
        self.slot(context, handle, attributes_path(context))
    }

    /// One attribute.
    pub(crate) fn attribute(
        &mut self,
        contract: &mut Contract,
        context: Context,
        key: &str,
    ) -> Place {
        if self.whole.contains(&context) {
            let place = self.entries(contract, context);
            let known = self.keys.iter().position(|known| known == key);
            let key = known.unwrap_or_else(|| {
                self.keys.push(key.to_owned());
                self.keys.len() - 1
            });
            return Place {
                key: Some(key),
                ..place
            };
        }
        let handle = Handle::Attribute(contract.read_attribute(context, key));
        self.slot(context, handle, attribute_path(context, key))
    }

    /// Declares that a column is written.
    pub(crate) fn write(&mut self, contract: &mut Contract, slot: usize) {
        if let Some(slot) = self.list.get_mut(slot)
            && slot.handle != Handle::Cache
        {
            slot.write = Some(contract.write(&slot.path));
        }
    }
}
