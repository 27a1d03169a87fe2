// SPDX-License-Identifier: Apache-2.0
import CKernels

/// The non-linearity between the two halves of a feed-forward block.
package enum Activation: Sendable, Hashable, CaseIterable {
  /// x · sigmoid(1.702 x): OpenAI's CLIP.
  case quickGELU
  /// 0.5 x (1 + erf(x / √2)).
  case gelu
  /// 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))).
  case geluTanh

  /// The activation that a checkpoint's `hidden_act` names, nil for one that Duet does not have.
  package init?(hiddenAct name: String) {
    switch name {
    case "quick_gelu": self = .quickGELU
    case "gelu": self = .gelu
    case "gelu_pytorch_tanh", "gelu_new": self = .geluTanh
    default: return nil
    }
  }

  var code: duet_activation {
    switch self {
    case .quickGELU: DUET_ACTIVATION_QUICK_GELU
    case .gelu: DUET_ACTIVATION_GELU
    case .geluTanh: DUET_ACTIVATION_GELU_TANH
    }
  }
}

extension Matrix {
  /// Applies `activation` to every element.
  package mutating func apply(_ activation: Activation) {
    let target = output
    let columns = columns
    forEachRowBlock(rows) { range in
      TransformerKernels.current.bias_activation(
        target.at(row: range.lowerBound), target.stride, range.count, columns, nil, activation.code)
    }
  }
}
