//! Building a graph node by node.

use super::proto::{
    Attribute, AttributeType, Dimension, Extent, Graph, Model, Node, OperatorSet, Shape, Tensor, TensorType,
    ValueInfo, ValueType,
};

/// The version of the file format and of the standard operators: ONNX 1.12, which has `LayerNormalization`.
const IR_VERSION: i64 = 8;
const OPERATORS: i64 = 17;
/// The operators of ONNX Runtime itself: whole attention layers and fused normalisations.
pub(crate) const MICROSOFT: &str = "com.microsoft";

/// A dimension of an input or output: a number, or a name if it differs from run to run.
pub(crate) type Extents<'a> = &'a [Extent];

#[derive(Debug, Default)]
pub(crate) struct GraphBuilder {
    graph: Graph,
}

impl GraphBuilder {
    pub(crate) fn new(name: &str) -> Self {
        Self { graph: Graph { name: name.to_owned(), ..Graph::default() } }
    }

    pub(crate) fn input(&mut self, name: &str, kind: i32, extents: Extents<'_>) -> String {
        self.graph.input.push(value_info(name, kind, extents));
        name.to_owned()
    }

    pub(crate) fn output(&mut self, name: &str, kind: i32, extents: Extents<'_>) {
        self.graph.output.push(value_info(name, kind, extents));
    }

    /// A constant. `raw_data` is little-endian, row by row.
    pub(crate) fn constant(&mut self, name: &str, data_type: i32, dims: &[i64], raw_data: Vec<u8>) -> String {
        self.graph.initializer.push(Tensor {
            dims: dims.to_owned(),
            data_type,
            name: name.to_owned(),
            raw_data,
        });
        name.to_owned()
    }

    /// A node of a standard operator with one output, called as the node is.
    pub(crate) fn node(
        &mut self,
        operator: &str,
        name: &str,
        inputs: &[&str],
        attributes: Vec<Attribute>,
    ) -> String {
        self.node_of("", operator, name, inputs, attributes)
    }

    /// A node of one of ONNX Runtime's own operators.
    pub(crate) fn fused(
        &mut self,
        operator: &str,
        name: &str,
        inputs: &[&str],
        attributes: Vec<Attribute>,
    ) -> String {
        self.node_of(MICROSOFT, operator, name, inputs, attributes)
    }

    fn node_of(
        &mut self,
        domain: &str,
        operator: &str,
        name: &str,
        inputs: &[&str],
        attribute: Vec<Attribute>,
    ) -> String {
        self.graph.node.push(Node {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![name.to_owned()],
            name: format!("{name}.{operator}"),
            op_type: operator.to_owned(),
            attribute,
            domain: domain.to_owned(),
        });
        name.to_owned()
    }

    pub(crate) fn finish(self) -> Model {
        Model {
            ir_version: IR_VERSION,
            producer_name: "segue".to_owned(),
            graph: Some(self.graph),
            opset_import: vec![
                OperatorSet { domain: String::new(), version: OPERATORS },
                OperatorSet { domain: MICROSOFT.to_owned(), version: 1 },
            ],
        }
    }
}

pub(crate) fn int(name: &str, i: i64) -> Attribute {
    Attribute { name: name.to_owned(), i, f: 0.0, kind: AttributeType::Int.into() }
}

pub(crate) fn float(name: &str, f: f32) -> Attribute {
    Attribute { name: name.to_owned(), i: 0, f, kind: AttributeType::Float.into() }
}

fn value_info(name: &str, elem_type: i32, extents: Extents<'_>) -> ValueInfo {
    let dim = extents.iter().map(|extent| Dimension { value: Some(extent.clone()) }).collect();
    let tensor_type = Some(TensorType { elem_type, shape: Some(Shape { dim }) });
    ValueInfo { name: name.to_owned(), kind: Some(ValueType { tensor_type }) }
}
