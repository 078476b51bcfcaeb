// Integers of JSON that comes from outside. nlohmann's own get<int64_t>() wraps what is out of
// range and truncates fractions; of a number like 1e24 that is undefined behaviour.
#pragma once

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace tilewright {

// Throws what nlohmann throws for a value of another kind (Json::type_error): for what is no number
// written as an integer, and for one that Int does not hold.
template <typename Int, typename Json>
Int JsonInteger(const Json& value) {
  const bool fits =
      value.is_number_unsigned()
          ? std::in_range<Int>(value.template get<typename Json::number_unsigned_t>())
          : value.is_number_integer() &&
                std::in_range<Int>(value.template get<typename Json::number_integer_t>());
  if (!fits) throw Json::type_error::create(302, "an integer in range is wanted", &value);
  return value.template get<Int>();
}

// Of a list. Throws likewise; an object or a scalar is no list.
template <typename Int, typename Json>
std::vector<Int> JsonIntegers(const Json& list) {
  if (!list.is_array()) throw Json::type_error::create(302, "a list is wanted", &list);
  std::vector<Int> all;
  for (const Json& value : list) all.push_back(JsonInteger<Int>(value));
  return all;
}

}  // namespace tilewright
