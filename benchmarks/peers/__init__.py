"""Headwater beside other model servers, under MLPerf LoadGen's Server scenario."""
