// Samples of operators on lists, with bodies, or without data of the type that they make.
#include "tests/onnx/one_node.h"
#include "tests/onnx/operator_samples.h"

namespace tilewright {
namespace {

using Type = onnx::TensorProto::DataType;

// One element, 1 or 0.
onnx::TensorProto UnitOf(Type type, bool one) {
  onnx::TensorProto unit;
  unit.set_data_type(type);
  unit.add_dims(1);
  switch (type) {
    case onnx::TensorProto::FLOAT: unit.add_float_data(one); break;
    case onnx::TensorProto::DOUBLE: unit.add_double_data(one); break;
    case onnx::TensorProto::INT64: unit.add_int64_data(one); break;
    case onnx::TensorProto::UINT32:
    case onnx::TensorProto::UINT64: unit.add_uint64_data(one); break;
    case onnx::TensorProto::FLOAT16: unit.add_int32_data(one ? 0x3c00 : 0); break;
    case onnx::TensorProto::BFLOAT16: unit.add_int32_data(one ? 0x3f80 : 0); break;
    default: unit.add_int32_data(one);
  }
  return unit;
}

onnx::GraphProto& Body(onnx::NodeProto& node, const std::string& name) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::GRAPH);
  attribute.mutable_g()->set_name(name);
  return *attribute.mutable_g();
}

// output = op(inputs), a result of the body.
void Give(onnx::GraphProto& body, const std::string& op, const std::vector<std::string>& inputs,
          const std::string& output) {
  onnx::NodeProto& node = *body.add_node();
  node.set_op_type(op);
  for (const std::string& input : inputs) node.add_input(input);
  node.add_output(output);
  body.add_output()->set_name(output);
}

ModelBuilder OverX(Type type) {
  ModelBuilder m(18);
  m.Input("x", {2, 3}, type);
  return m;
}

onnx::ModelProto Lists(Type type) {
  ModelBuilder m = OverX(type);
  m.Ints("one", {1}).clear_dims();
  SetInt(m.Node("SequenceEmpty", {}, {"none"}), "dtype", type);
  m.Node("SequenceInsert", {"none", "x"}, {"first"});
  m.Node("SequenceConstruct", {"x", "x"}, {"pair"});
  m.Node("SequenceAt", {"pair", "one"}, {"second"});
  m.Node("SequenceErase", {"pair", "one"}, {"rest"});
  SetInt(m.Node("ConcatFromSequence", {"rest"}, {"joined"}), "axis", 0);
  SetInt(m.Node("SplitToSequence", {"x", "one"}, {"rows"}), "axis", 0);
  m.Node("SequenceLength", {"rows"}, {"length"});
  Give(Body(m.Node("SequenceMap", {"rows"}, {"mapped"}), "body"), "Identity", {"row"}, "copy");
  m.graph()
      .mutable_node(m.graph().node_size() - 1)
      ->mutable_attribute(0)
      ->mutable_g()
      ->add_input()
      ->set_name("row");
  for (const char* name : {"first", "second", "joined", "length", "mapped"}) m.Output(name);
  return m.model();
}

onnx::ModelProto Optionals(Type type) {
  ModelBuilder m = OverX(type);
  m.Node("Optional", {"x"}, {"perhaps"});
  m.Node("OptionalHasElement", {"perhaps"}, {"has"});
  m.Node("OptionalGetElement", {"perhaps"}, {"got"});
  for (const char* name : {"has", "got"}) m.Output(name);
  return m.model();
}

onnx::ModelProto Branches(Type type) {
  ModelBuilder m = OverX(type);
  m.Input("c", {}, onnx::TensorProto::BOOL);
  onnx::NodeProto& node = m.Node("If", {"c"}, {"y"});
  Give(Body(node, "then_branch"), "Identity", {"x"}, "same");
  Give(Body(node, "else_branch"), "Identity", {"x"}, "too");
  m.Output("y");
  return m.model();
}

onnx::ModelProto Loops(Type type) {
  ModelBuilder m = OverX(type);
  m.Ints("trips", {2}).clear_dims();
  onnx::GraphProto& body = Body(m.Node("Loop", {"trips", "", "x"}, {"last", "all"}), "body");
  for (const char* name : {"i", "going", "v"}) body.add_input()->set_name(name);
  Give(body, "Identity", {"going"}, "still");
  Give(body, "Identity", {"v"}, "next");
  Give(body, "Identity", {"v"}, "seen");
  for (const char* name : {"last", "all"}) m.Output(name);
  return m.model();
}

onnx::ModelProto Scans(Type type) {
  ModelBuilder m = OverX(type);
  onnx::NodeProto& node = m.Node("Scan", {"x"}, {"y"});
  SetInt(node, "num_scan_inputs", 1);
  onnx::GraphProto& body = Body(node, "body");
  body.add_input()->set_name("row");
  Give(body, "Identity", {"row"}, "copy");
  m.Output("y");
  return m.model();
}

void SetUnit(onnx::NodeProto& node, const std::string& name, Type type, bool one = true) {
  onnx::AttributeProto& value = *node.add_attribute();
  value.set_name(name);
  value.set_type(onnx::AttributeProto::TENSOR);
  *value.mutable_t() = UnitOf(type, one);
}

onnx::ModelProto Constants(Type type) {
  ModelBuilder m = OverX(type);
  m.Ints("shape", {2, 3});
  SetUnit(m.Node("Constant", {}, {"one"}), "value", type);
  SetUnit(m.Node("ConstantOfShape", {"shape"}, {"ones"}), "value", type);
  for (const char* name : {"one", "ones"}) {
    m.Node("Where", {"c", "x", name}, {std::string("with_") + name});
    m.Output(std::string("with_") + name);
  }
  m.Input("c", {}, onnx::TensorProto::BOOL);
  return m.model();
}

onnx::ModelProto Labels(Type type) {
  ModelBuilder m = OverX(type);
  onnx::NodeProto& node = m.Node("ai.onnx.ml.LabelEncoder", {"x"}, {"y"});
  SetDomain(m, node);
  SetUnit(node, "keys_tensor", type);
  SetUnit(node, "values_tensor", type);
  SetUnit(node, "default_tensor", type, false);
  m.Output("y");
  return m.model();
}

onnx::ModelProto Draws(Type type) {
  ModelBuilder m = OverX(type);
  for (const char* op : {"RandomUniform", "RandomNormal"}) {
    onnx::NodeProto& node = m.Node(op, {}, {op});
    SetInts(node, "shape", {2, 3});
    SetInt(node, "dtype", type);
    m.Output(op);
  }
  return m.model();
}

}  // namespace

std::vector<TypedSample> TypedSamples() {
  return {{{"SequenceEmpty", "SequenceInsert", "SequenceConstruct", "SequenceAt", "SequenceErase",
            "ConcatFromSequence", "SplitToSequence", "SequenceLength", "SequenceMap"},
           Lists},
          {{"Optional", "OptionalHasElement", "OptionalGetElement"}, Optionals},
          {{"If"}, Branches},
          {{"Loop"}, Loops},
          {{"Scan"}, Scans},
          {{"Constant", "ConstantOfShape"}, Constants},
          {{"ai.onnx.ml.LabelEncoder"}, Labels},
          {{"RandomUniform", "RandomNormal"}, Draws}};
}

}  // namespace tilewright
