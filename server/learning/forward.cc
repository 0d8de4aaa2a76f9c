#include "learning/forward.h"

#include <ATen/ATen.h>

#include <variant>

namespace expunge {
namespace {

at::Tensor ConvolveAndPool(const at::Tensor& inputs, const at::Tensor& weight, const at::Tensor& bias) {
  const at::Tensor convolved = at::conv2d(inputs, weight, bias, /*stride=*/1, /*padding=*/2);
  return at::max_pool2d(at::relu(convolved), /*kernel_size=*/2);
}

}  // namespace

std::vector<at::Tensor> ViewParameters(const std::vector<ParameterTensor>& layout, const at::Tensor& flat) {
  std::vector<at::Tensor> views;
  views.reserve(layout.size());
  for (const ParameterTensor& tensor : layout) {
    views.push_back(flat.narrow(0, tensor.offset, tensor.size).view(tensor.shape));
  }
  return views;
}

at::Tensor Forward(const ModelSpec& spec, const std::vector<at::Tensor>& parameters, const at::Tensor& inputs) {
  at::Tensor activation = inputs;
  size_t next = 0;
  if (const auto* cnn = std::get_if<Cnn>(&spec.architecture)) {
    const CnnGeometry geometry(spec.input, *cnn);
    activation = activation.view({-1, geometry.channels, geometry.height, geometry.width});
    for (; next < 4; next += 2) activation = ConvolveAndPool(activation, parameters[next], parameters[next + 1]);
    activation = activation.flatten(1);
  }
  for (; next + 2 < parameters.size(); next += 2) {
    activation = at::relu(at::linear(activation, parameters[next], parameters[next + 1]));
  }
  return at::linear(activation, parameters[next], parameters[next + 1]);
}

}  // namespace expunge
