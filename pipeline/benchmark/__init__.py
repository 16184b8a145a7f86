"""The paper's tables: every method over several seeds on one data set."""
