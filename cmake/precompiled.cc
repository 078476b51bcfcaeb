// Nothing: the target of precompiled.h needs a source.
